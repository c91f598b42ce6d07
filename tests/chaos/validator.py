"""Checks the blueprint's invariants over Postgres, the object store and the clients' history.

`check` looks at what must hold after every round: I1 to I5, I7, I12, and that no section was done again after it
finished. It returns violations as sentences; an empty list is the aim. `tests.chaos.leftovers` looks at what takes its time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from tests.chaos import leftovers, webhooks
from tests.chaos.cluster import Cluster
from tests.chaos.history import TERMINAL, Asked, History, Sent, uuid_of

Transcript = list[tuple[int, int, str, str | None]]
"""Start, end, text and speaker of each segment."""


@dataclass(frozen=True)
class Baseline:
    """What an undisturbed run gave: transcripts by recording and whether speakers were wanted."""

    transcripts: Mapping[tuple[str, bool], Transcript]


async def check(cluster: Cluster, history: History, baseline: Baseline) -> list[str]:
    """Return every violation of what must hold now."""
    owner = await cluster.owner()
    try:
        found = list(history.violations)
        found += await _uploads(owner, cluster, history)
        found += await _partial_uploads(owner, cluster)
        for asked in list(history.jobs.values()):
            found += await _job(owner, asked, baseline)
        found += await _transitions(owner)
        found += await _decoded(owner, cluster)
        found += await _redone(owner, cluster)
        return found + list(cluster.hooks.violations) + webhooks.order(list(cluster.hooks.arrivals))
    finally:
        await owner.close()


async def _uploads(owner: Any, cluster: Cluster, history: History) -> list[str]:
    """I1: each acknowledged upload that nobody deleted exists with its size and digest."""
    found = []
    for sent in [each for each in history.uploads.values() if each.ready and each.deleted_at is None]:
        row = await owner.fetchrow(
            """SELECT u.state, o.object_key, o.size_bytes, o.sha256 FROM gateway.uploads u
               LEFT JOIN gateway.objects o USING (object_id) WHERE upload_id = $1""",
            uuid_of(sent.name),
        )
        if row is None or (row["state"], row["size_bytes"], row["sha256"]) != ("READY", sent.size, sent.sha256):
            found.append(f"I1 {sent.name}: acknowledged, but the record is {row}")
        else:
            found += await asyncio.to_thread(_stored, cluster, sent, row["object_key"])
    return found


def _stored(cluster: Cluster, sent: Sent, key: str) -> list[str]:
    try:
        with cluster.s3.client.get_object(cluster.bucket, key) as answer:
            data = answer.read()
    except Exception as error:  # noqa: BLE001 - whatever it is, the object cannot be read
        return [f"I1 {sent.name}: acknowledged, but its object {key} cannot be read: {error}"]
    digest = hashlib.sha256(data).hexdigest()
    return [] if (len(data), digest) == (sent.size, sent.sha256) else [f"I1 {sent.name}: the object holds other bytes"]


async def _partial_uploads(owner: Any, cluster: Cluster) -> list[str]:
    """I2: the acknowledged offset of an open upload is covered by parts and a tail that the store holds."""
    rows = await owner.fetch("SELECT * FROM gateway.uploads WHERE state = 'WRITING' AND write_mode = 'STREAM'")
    found = []
    for row in rows:
        parts = await owner.fetch(
            "SELECT part_number, size_bytes FROM gateway.upload_parts WHERE upload_id = $1", row["upload_id"]
        )
        durable = await asyncio.to_thread(_durable, cluster, row, dict(map(tuple, parts)))
        if durable != row["committed_bytes"]:
            found.append(f"I2 uploads/{row['upload_id']}: {row['committed_bytes']} acknowledged, {durable} durable")
    return found


def _durable(cluster: Cluster, row: Any, parts: Mapping[int, int]) -> int:
    client, total = cluster.s3.client, 0
    if parts:
        held = client._list_parts(cluster.bucket, row["object_key"], row["multipart_id"]).parts
        sizes = {part.part_number: part.size for part in held}
        total += sum(size for number, size in parts.items() if sizes.get(number) == size)
    if row["tail_key"]:
        total += client.stat_object(cluster.bucket, row["tail_key"]).size or 0
    return total


async def _job(owner: Any, asked: Asked, baseline: Baseline) -> list[str]:
    """I3, I5, I7, I12 for one job."""
    row = await owner.fetchrow("SELECT * FROM gateway.jobs WHERE job_id = $1", uuid_of(asked.name))
    if row is None:
        return [] if asked.deleting else [f"I3 {asked.name}: accepted, and gone"]
    if asked.deleted_at is not None:
        return [f"I10 {asked.name}: its deletion was acknowledged, and it is there"]
    events = await owner.fetch(
        "SELECT event_id, kind, payload->>'state' AS state FROM gateway.job_events WHERE job_id = $1 ORDER BY event_id",
        row["job_id"],
    )
    found = _events(asked, row, events)
    if asked.states and asked.states[-1] in TERMINAL and asked.states[-1] != row["state"]:
        found.append(f"I5 {asked.name}: a client saw {asked.states[-1]}, it is {row['state']}")
    if row["state"] == "SUCCEEDED":
        found += await _transcript(owner, asked, row, baseline)
    return found


def _events(asked: Asked, row: Any, events: Sequence[Any]) -> list[str]:
    found = []
    if [event["event_id"] for event in events] != list(range(1, row["last_event"] + 1)):
        found.append(f"I12 {asked.name}: the events' ids have gaps")
    ends = [event["event_id"] for event in events if event["state"] in TERMINAL]
    if row["state"] not in TERMINAL:
        found.append(f"I3 {asked.name}: it is still {row['state']}")
    elif ends != [row["last_event"]]:
        found.append(f"I3 {asked.name}: its terminal events are {ends} of {row['last_event']}")
    if asked.ended_at is not None and asked.cursors != list(range(1, len(asked.cursors) + 1)):
        found.append(f"I12 {asked.name}: the watcher saw {asked.cursors}")
    return found


async def _transcript(owner: Any, asked: Asked, row: Any, baseline: Baseline) -> list[str]:
    """I7: the text of an undisturbed run; what is missing is named by a warning."""
    got = await transcript(owner, row["job_id"])
    wanted = baseline.transcripts.get((asked.recording, asked.diarize))
    codes = {warning["code"] for warning in json.loads(row["warnings"])}
    found = await _coverage(owner, asked, row)
    if wanted is None or got == wanted:
        return found
    if not codes:
        return [*found, f"I7 {asked.name}: another transcript of {asked.recording} than undisturbed"]
    if not {each[:3] for each in _plain(got)} <= {each[:3] for each in _plain(wanted)}:
        found.append(f"I7 {asked.name}: with {codes}, text that an undisturbed run has not")
    return found


def _plain(segments: Transcript) -> set[tuple[int, int, str]]:
    """Return words with their places, whatever segments and speakers they are in."""
    return {(0, 0, word) for _, _, text, _ in segments for word in text.split()}


async def _coverage(owner: Any, asked: Asked, row: Any) -> list[str]:
    """Promise 2: every sample is accounted for."""
    summary = json.loads(
        await owner.fetchval("SELECT summary FROM gateway.transcripts WHERE job_id = $1", row["job_id"])
    )
    place = 0
    for span in summary["coverage"]:
        if span["start"] != place:
            return [f"{asked.name}: nothing is said of the audio from {place} to {span['start']}"]
        place = span["end"]
    return (
        []
        if place == row["audio_samples"]
        else [f"{asked.name}: the coverage ends at {place} of {row['audio_samples']}"]
    )


async def transcript(owner: Any, job_id: UUID) -> Transcript:
    """Return a job's segments."""
    rows = await owner.fetch("SELECT body FROM gateway.segments WHERE job_id = $1 ORDER BY position", job_id)
    bodies = [json.loads(row["body"]) for row in rows]
    return [(each["start"], each["end"], each["text"], each.get("speaker")) for each in bodies]


async def _transitions(owner: Any) -> list[str]:
    """I4, I5 over every transition that ever was: ends are final, a stage ends under the lease given last."""
    found = []
    terminal = await owner.fetch(
        "SELECT job_id, before, after FROM chaos.jobs WHERE before IN ('SUCCEEDED', 'FAILED', 'CANCELLED')"
    )
    found += [f"I5 jobs/{job}: from {before} to {after}" for job, before, after in terminal]
    again = await owner.fetch(
        "SELECT stage_id, before, after FROM chaos.stages WHERE before IN ('DONE', 'DEAD', 'CANCELLED')"
    )
    found += [f"I4 stage {stage}: from {before} to {after}" for stage, before, after in again]
    leases: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await owner.fetch("SELECT * FROM chaos.stages ORDER BY at"):
        if row["after"] == "LEASED":
            leases[row["stage_id"]].append(row["token"])
        elif row["before"] == "LEASED" and leases[row["stage_id"]][-1:] != [row["held"]]:
            found.append(f"I4 stage {row['stage_id']}: ended under a lease that was not its last")
    reused = [
        token for token, count in Counter(token for each in leases.values() for token in each).items() if count > 1
    ]
    found += [f"I4 lease token {token} was given twice" for token in reused]
    twice = await owner.fetch(
        "SELECT stage_id FROM chaos.stages WHERE after = 'DONE' GROUP BY stage_id HAVING count(*) > 1"
    )
    return found + [f"I4 stage {stage} was finished twice" for (stage,) in twice]


async def _decoded(owner: Any, cluster: Cluster) -> list[str]:
    """I3: the decoded audio of a job that has any is in the store, and no stage died of anything but its engine."""
    rows = await owner.fetch("SELECT job_id, pcm_key FROM gateway.jobs WHERE pcm_key IS NOT NULL")
    keys = await asyncio.to_thread(leftovers.keys, cluster)
    folders = {key.rpartition("/")[0] for key in keys}
    found = [f"I3 jobs/{job}: its decoded audio {key} is gone" for job, key in rows if key not in folders]
    dead = await owner.fetch("SELECT stage_id, kind FROM gateway.stages WHERE state = 'DEAD' AND reason = 'INTERNAL'")
    return found + [f"I3 stage {stage}: {kind} died of faults of ours" for stage, kind in dead]


async def _redone(owner: Any, cluster: Cluster) -> list[str]:
    """No section is transcribed again after it finished: by the engine's own record."""
    path = cluster.engines / "sections.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    rows = await owner.fetch(
        """SELECT j.effective_config->>'prompt' AS label, r.body, extract(epoch FROM min(s.end_time) OVER w) AS ended
           FROM gateway.stages s JOIN gateway.jobs j USING (job_id) JOIN gateway.stage_results r USING (stage_id)
           WHERE s.kind = 'TRANSCRIBE' AND s.state = 'DONE'
           WINDOW w AS (PARTITION BY j.effective_config->>'prompt', s.section, s.channel)"""
    )
    kept = {(row["label"], _text(row["body"])): float(row["ended"]) for row in rows}
    late = [line for line in lines if line["began"] > kept.get((line["label"], line["text"]), float("inf"))]
    return [f"I7 a section of {line['label']} was transcribed again after it had finished" for line in late]


def _text(body: bytes) -> str:
    section = json.loads(zlib.decompress(body))
    return " ".join(segment["text"] for segment in section["segments"])


async def unfinished(cluster: Cluster, history: History) -> list[str]:
    """Return the accepted jobs that have not ended."""
    owner = await cluster.owner()
    try:
        rows = await owner.fetch(
            "SELECT job_id, state FROM gateway.jobs WHERE job_id = ANY ($1) AND state IN ('QUEUED', 'RUNNING')",
            [uuid_of(name) for name in history.jobs],
        )
        return [f"{job} {state}" for job, state in rows]
    except (asyncpg.PostgresError, OSError):
        return ["the database does not answer"]
    finally:
        await owner.close()
