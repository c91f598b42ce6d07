"""Checks what takes its time: what was deleted is gone (I10), nothing is left that nobody owns (I11), and every event came by
a webhook (I12). Violations are sentences; an empty list is the aim.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.chaos import webhooks
from tests.chaos.cluster import Cluster
from tests.chaos.history import History, uuid_of


async def check_gone(cluster: Cluster, history: History) -> list[str]:
    """Return what should be gone and is there (I10), and what nobody owns (I11)."""
    owner = await cluster.owner()
    try:
        found = await _rows_left(owner, history)
        held = await asyncio.to_thread(keys, cluster)
        wanted = await _referenced(owner)
        found += [f"I11 orphan object {key}" for key in held if not any(key.startswith(each) for each in wanted)]
        found += await _multiparts_left(owner, cluster)
        stale = await owner.fetch(
            "SELECT stage_id FROM gateway.stages WHERE lease_until < clock_timestamp() - interval '10 seconds'"
        )
        found += [f"I11 stage {stage} has a lease that ended long ago" for (stage,) in stale]
        overdue = await owner.fetch(
            "SELECT object_key FROM gateway.deletions WHERE create_time < clock_timestamp() - interval '60 seconds'"
        )
        found += [f"I10 {key} still waits for its deletion" for (key,) in overdue]
    finally:
        await owner.close()
    found += [f"I11 decoding child {pid} has no worker" for pid in cluster.orphaned_children()]
    found += [f"I11 scratch file {path.name}" for path in cluster.scratch.iterdir()]
    return found


async def _rows_left(owner: Any, history: History) -> list[str]:
    found = []
    jobs = [uuid_of(each.name) for each in history.jobs.values() if each.deleted_at is not None]
    for table in ("jobs", "stages", "sections", "job_events", "transcripts", "segments"):
        left = await owner.fetchval(f"SELECT count(*) FROM gateway.{table} WHERE job_id = ANY ($1)", jobs)
        found += [f"I10 {left} rows of deleted jobs in {table}"] if left else []
    orphans = await owner.fetchval(
        "SELECT count(*) FROM gateway.stage_results r LEFT JOIN gateway.stages s USING (stage_id) WHERE s.stage_id IS NULL"
    )
    found += [f"I10 {orphans} results without a stage"] if orphans else []
    uploads = [uuid_of(each.name) for each in history.uploads.values() if each.deleted_at is not None]
    left = await owner.fetchval("SELECT count(*) FROM gateway.uploads WHERE upload_id = ANY ($1)", uploads)
    return found + ([f"I10 {left} deleted uploads"] if left else [])


def keys(cluster: Cluster) -> list[str]:
    """Return the keys of all objects."""
    return [each.object_name or "" for each in cluster.s3.client.list_objects(cluster.bucket, recursive=True)]


async def _referenced(owner: Any) -> list[str]:
    """Return the keys, or beginnings of keys, that some row still names."""
    rows = await owner.fetch(
        """SELECT object_key FROM gateway.objects
           UNION SELECT pcm_key || '/' FROM gateway.jobs WHERE pcm_key IS NOT NULL
           UNION SELECT 'uploads/' || tenant_id || '/' || upload_id || '/' FROM gateway.uploads
               WHERE state IN ('WRITING', 'VERIFYING')
           UNION SELECT replace(tenant_id::text, '-', '') || '/jobs/' || replace(job_id::text, '-', '') || '/'
               FROM gateway.stages WHERE kind = 'DECODE' AND state = 'LEASED'"""
    )
    return [row["object_key"] for row in rows]


async def _multiparts_left(owner: Any, cluster: Cluster) -> list[str]:
    known = {
        row[0]
        for row in await owner.fetch("SELECT multipart_id FROM gateway.uploads WHERE state IN ('WRITING', 'VERIFYING')")
    }
    pending = await asyncio.to_thread(lambda: cluster.s3.client._list_multipart_uploads(cluster.bucket).uploads)
    return [f"I11 orphan multipart of {each.object_name}" for each in pending if each.upload_id not in known]


async def check_told(cluster: Cluster, history: History) -> list[str]:
    """I12: return the events that no webhook brought, and the deliveries that still wait."""
    owner = await cluster.owner()
    try:
        found = await webhooks.waiting(owner)
        return found + await webhooks.missing(owner, history, list(cluster.hooks.arrivals))
    finally:
        await owner.close()
