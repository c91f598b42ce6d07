"""Each column of each row of a tenant with every value of its type: reads are served or refused clearly, for it alone."""

from __future__ import annotations

import random
from collections import Counter
from uuid import UUID

import grpc
import pytest
from locution.v1 import job_service_pb2 as jobs
from locution_common.interceptors import remote_failure

from tests.hostile.rows import Corruption, corrupted, corruptions
from tests.hostile.sizes import size
from tests.hostile.test_fields import FORBIDDEN, UNSERVED, valid
from tests.service.gateway.conftest import KEY, Serve
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.identity.conftest import SESSION_KEY
from tests.service.gateway.identity.rpcs import Rpc, rpcs
from tests.service.gateway.identity.world import World, make_world
from tests.unit.gateway.test_table_owners import OWNERS

pytestmark = pytest.mark.timeout(3000)

ROWS = size("ROWS", 400, 100_000)
"""Corruptions of a run; the long form has all of them."""

READS = ("Get", "List", "Export", "Estimate", "Watch")
READERS = {
    "identity": ("AccountService", "AdministrationService"),
    "quotas": ("AdministrationService", "JobService"),
    "uploads": ("UploadService", "JobService"),
    "jobs": ("JobService", "TranscriptService", "TagService", "AdministrationService"),
    "transcripts": ("TranscriptService",),
    "voices": ("VoiceService",),
    "webhooks": ("WebhookService",),
    "live": ("LiveService",),
    "platform": ("JobService",),
}
"""The services that read the tables of each capability."""


def reads(table: str) -> list[Rpc]:
    """Return the reading methods that may see a table."""
    owner = next(capability for capability, tables in OWNERS.items() if table in tables)
    return [
        rpc
        for rpc in rpcs()
        if rpc.service not in UNSERVED
        and rpc.name.startswith(READS)
        and rpc.service.rpartition(".")[2] in READERS[owner]
    ]


async def outcome(world: World, rpc: Rpc, key: str) -> str:
    request = rpc.request()
    request.ParseFromString(valid(rpc, world))
    try:
        await rpc.call(await world.channel(key), request)
    except grpc.aio.AioRpcError as error:
        failure = remote_failure(error)
        return f"{failure.code} {failure.reason}"
    return "OK"


async def test_no_row_breaks_a_read(serve: Serve, worker: HandWorker, capsys: pytest.CaptureFixture[str]) -> None:
    async with serve(session_key=SESSION_KEY, reaper_seconds=3600) as api, make_world(api, worker) as world:
        tenant = await api.owner.fetchval("SELECT tenant_id FROM gateway.tenants WHERE name = $1", world.mine.name)
        every = await corruptions(api.owner)
        random.Random(11).shuffle(every)
        neighbour = await world.client(world.theirs.keys["VIEWER"])
        calm = await neighbour.jobs.ListJobs(jobs.ListJobsRequest())
        codes: Counter[str] = Counter()
        wrong: list[str] = []
        for one in every[:ROWS]:
            async with corrupted(api.owner, UUID(str(tenant)), one) as stored:
                if not stored:
                    codes["refused by the schema"] += 1
                    continue
                codes["stored"] += 1
                wrong += await _judged(world, one, codes)
                assert await neighbour.jobs.ListJobs(jobs.ListJobsRequest()) == calm, one
        with capsys.disabled():
            print(f"\nhostile rows: {dict(codes.most_common())}")
        assert wrong == [], "\n".join(wrong)


async def _judged(world: World, one: Corruption, codes: Counter[str]) -> list[str]:
    wrong = []
    for rpc in reads(one.table):
        foreign = rpc.service.endswith("AdministrationService")
        found = await outcome(world, rpc, KEY if foreign else world.mine.keys["ADMIN"])
        code, _, reason = found.partition(" ")
        codes[code] += 1
        if code in FORBIDDEN or reason == "None":
            wrong.append(f"{one}: {rpc.name}: {found}")
    return wrong
