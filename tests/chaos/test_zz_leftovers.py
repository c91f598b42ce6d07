"""After all rounds: every event came by a webhook (I12), what was deleted is gone within a minute, and nothing is left
that nobody owns (I10, I11).
"""

from __future__ import annotations

import asyncio
import io
import time
import uuid

import pytest
from locution.v1 import upload_service_pb2 as uploads

from tests.chaos import leftovers, load, validator, webhooks
from tests.chaos.client import CALL_SECONDS, Client
from tests.chaos.history import Sent
from tests.chaos.recordings import recording
from tests.chaos.rounds import Chaos, Outcome

GONE_SECONDS = 75.0
TOLD_SECONDS = 60.0


async def late_tails(chaos: Chaos, mine: Client) -> tuple[set[str], str]:
    """Let a stream break off while its tail is put, another end the upload, and the tail arrive after that.

    Its stream takes it back. One more is put as by a process that died then, which nobody takes back. Return the keys of
    the store before they arrived, and the key of that one.
    """
    recorded = recording("short")
    wanted = uploads.Upload(size_bytes=len(recorded.data), display_name=recorded.name)
    request = uploads.CreateUploadRequest(upload=wanted, request_id=uuid.uuid4().hex)
    made = await mine.call("CreateUpload", lambda: mine.uploads.CreateUpload(request, timeout=CALL_SECONDS))
    sent = Sent(made.name, len(recorded.data), recorded.sha256, recorded.name)
    mine.history.uploads[made.name] = sent
    held = chaos.cluster.proxy.hold("/tail-")
    broken = mine.uploads.WriteUpload(mine.messages(sent, recorded.data, 0, sent.size // 2, None))
    assert await asyncio.to_thread(held.reached.wait, 10)
    broken.cancel()
    while (await mine.get_upload(sent)).state == uploads.Upload.STATE_WRITING:
        await mine.stream(sent, recorded.data, cut=False)
    await mine.settled(sent)
    before = set(await asyncio.to_thread(leftovers.keys, chaos.cluster))
    held.released.set()
    assert await asyncio.to_thread(held.passed.wait, 10)
    upload = made.name.removeprefix("uploads/")
    [folder] = {key.rpartition("/")[0] for key in before if f"/{upload}/" in key}
    orphan = f"{folder}/tail-{uuid.uuid4()}"
    s3 = chaos.cluster.s3.client
    await asyncio.to_thread(s3.put_object, chaos.cluster.bucket, orphan, io.BytesIO(b"late"), 4)
    return before, orphan


async def tails_beyond(chaos: Chaos, before: set[str]) -> list[str]:
    """Return the tails that have come since, each as a violation."""
    found = set(await asyncio.to_thread(leftovers.keys, chaos.cluster)) - before
    return [f"I11 late tail {key}" for key in sorted(found) if "/tail-" in key]


@pytest.mark.timeout(120)
async def test_every_event_of_every_job_came_by_a_webhook(chaos: Chaos) -> None:
    began = time.monotonic()
    while (
        left := await leftovers.check_told(chaos.cluster, chaos.history)
    ) and time.monotonic() < began + TOLD_SECONDS:
        await asyncio.sleep(0.5)
    left += await validator.check(chaos.cluster, chaos.history, chaos.baseline)
    waited = time.monotonic() - began
    chaos.outcomes.append(Outcome("webhooks at the end", 0, 0, waited, 0.0, waited, left))
    assert left == []
    assert webhooks.ended(chaos.cluster.hooks.arrivals) > 0


@pytest.mark.timeout(240)
async def test_nothing_deleted_and_nothing_orphaned_is_left(chaos: Chaos) -> None:
    async with load.client(chaos.cluster, chaos.history, 91) as mine:
        before, orphan = await late_tails(chaos, mine)
    assert f"I11 orphan object {orphan}" in await leftovers.check_gone(chaos.cluster, chaos.history)
    began = time.monotonic()
    deadline = began + GONE_SECONDS
    while (
        left := [
            *await leftovers.check_gone(chaos.cluster, chaos.history),
            *await tails_beyond(chaos, before),
        ]
    ) and time.monotonic() < deadline:
        await asyncio.sleep(1.0)
    waited = time.monotonic() - began
    chaos.outcomes.append(Outcome("what is left at the end", 0, 0, waited, 0.0, waited, left))
    assert left == []
