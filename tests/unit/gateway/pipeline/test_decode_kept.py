"""What a decoder wrote is dropped when it was certainly not kept, and never when it may have been."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import LeaseLostError
from locution_gateway.pipeline.work import StageWorker


class Lease:
    kind = StageKind.DECODE


class Work:
    lease = Lease()


class Decoder:
    """Decodes at once, or hangs; tells whether it had to discard."""

    def __init__(self, hangs: bool = False) -> None:
        self.hangs = hangs
        self.discarded = False

    async def decode(self, _work: object, _progress: object) -> object:
        if self.hangs:
            await asyncio.Event().wait()
        return object()

    async def discard(self, _lease: object) -> None:
        self.discarded = True


class Stages:
    """Keeps a decode and then hangs before it can say so, or finds its lease lost."""

    def __init__(self, lost: bool = False) -> None:
        self.lost = lost
        self.kept = False

    async def finish_decode(self, _lease: object, _decoded: object, _onward: object) -> None:
        if self.lost:
            raise LeaseLostError("the lease was lost")
        self.kept = True
        await asyncio.Event().wait()


def worker(decoder: Decoder, stages: Stages) -> StageWorker:
    nothing = cast("Any", None)
    return StageWorker(cast("Any", stages), cast("Any", decoder), nothing, nothing, nothing, nothing, nothing)


async def cancelled(decoder: Decoder, stages: Stages) -> None:
    task = asyncio.create_task(worker(decoder, stages).do(cast("Any", Work()), cast("Any", None)))
    for _ in range(100):  # until it hangs
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_heartbeat_that_meets_the_commit_leaves_what_was_kept() -> None:
    decoder, stages = Decoder(), Stages()
    await cancelled(decoder, stages)
    assert stages.kept
    assert not decoder.discarded


async def test_who_is_cancelled_while_decoding_discards() -> None:
    decoder, stages = Decoder(hangs=True), Stages()
    await cancelled(decoder, stages)
    assert not stages.kept
    assert decoder.discarded


async def test_a_lost_lease_discards() -> None:
    decoder = Decoder()
    with pytest.raises(LeaseLostError):
        await worker(decoder, Stages(lost=True)).do(cast("Any", Work()), cast("Any", None))
    assert decoder.discarded
