"""One stream of an upload: parts count in their order, and what came of a broken stream is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest
from locution_common.errors import DependencyUnavailable, Reason, Refused
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import TenantId, system
from locution_gateway.quotas.slots import SlotKinds
from locution_gateway.uploads.create import UploadLimits
from locution_gateway.uploads.models import Seal, Tail, Upload, UploadPart, UploadState, Written
from locution_gateway.uploads.write import SMALL_PART_SIZE, Finish, WriteUpload
from prometheus_client import CollectorRegistry

from tests.support.clock import ManualClock
from tests.unit.gateway.memory_objects import MemoryObjects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PRINCIPAL = system(TenantId(uuid4()))
LIMITS = UploadLimits(1 << 40, 10, timedelta(hours=1), timedelta(hours=1))
TWO_PARTS = 2 * SMALL_PART_SIZE


def upload(size: int) -> Upload:
    return Upload(
        UploadId(uuid4()), PRINCIPAL.tenant_id, "test", "", "", UploadState.WRITING, size, None, 0, None, "object",
        None, None, None, None, None, NOW, NOW, NOW, 1,
    )  # fmt: skip


@dataclass
class Store:
    """Count what is committed; `deleted` refuses all."""

    upload: Upload
    parts: list[UploadPart] = field(default_factory=list)
    tail: Tail | None = None
    numbers: int = 0
    deleted: bool = False

    async def begin_stream(self, *_: Any) -> Written:
        return Written(self.upload)

    async def begin_multipart(self, *arguments: Any) -> str:
        return str(arguments[-1])

    async def next_part(self, *_: Any) -> int:
        self.numbers += 1
        return self.numbers

    async def commit_part(self, *arguments: Any) -> None:
        self.parts.append(arguments[3])

    async def commit_tail(self, *arguments: Any) -> None:
        if self.deleted:
            raise Refused(Reason.UPLOAD_NOT_FOUND)
        self.tail = arguments[3]

    async def seal(self, *arguments: Any) -> Upload:
        seal: Seal = arguments[-1]
        self.parts += seal.parts
        self.tail = seal.tail
        return self.upload

    async def get(self, *_: Any) -> Upload:
        return self.upload


@dataclass
class Complete:
    """Verify nothing."""

    async def verified(self, _principal: Any, sealed: Upload) -> Upload:
        return replace(sealed, state=UploadState.READY)


class SlowObjects(MemoryObjects):
    """Hold back what `before` holds back."""

    def __init__(self, before: Callable[[int], Awaitable[None]]) -> None:
        super().__init__()
        self.before = before
        self.puts = 0
        self.stored: list[int] = []

    async def put(self, key: str, data: bytes | bytearray) -> None:
        self.puts += 1
        await self.before(self.puts)
        await super().put(key, data)

    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes | bytearray) -> UploadPart:
        await self.before(number)
        self.stored.append(number)
        return await super().put_part(key, multipart_id, number, data)


def writer(store: Any, objects: SlowObjects) -> WriteUpload:
    complete: Any = Complete()
    kinds = SlotKinds(AsyncMock(return_value=1), ManualClock(), CollectorRegistry())
    return WriteUpload(store, objects, complete, LIMITS, kinds.make("upload", 4, Reason.OVERLOADED))


async def pieces(*given: bytes | Finish) -> AsyncIterator[bytes | Finish]:
    for piece in given:
        yield piece


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


async def test_two_parts_are_stored_at_once_and_counted_in_their_order() -> None:
    gate = asyncio.Event()

    async def before(number: int) -> None:
        if number == 1:
            await gate.wait()

    store, objects = Store(upload(TWO_PARTS)), SlowObjects(before)
    run = writer(store, objects).run(PRINCIPAL, store.upload.upload_id, 0, pieces(bytes(TWO_PARTS), Finish()))
    writing = asyncio.create_task(run)
    await until(lambda: objects.stored == [2])
    assert store.parts == []
    gate.set()
    assert (await writing).state is UploadState.READY
    assert [part.number for part in store.parts] == [1, 2]


async def test_a_part_behind_one_that_failed_is_not_counted_and_no_tail_leaves_a_gap() -> None:
    gate = asyncio.Event()

    async def before(number: int) -> None:
        if number == 1:
            await gate.wait()
            raise DependencyUnavailable("no store")

    store, objects = Store(upload(TWO_PARTS + 7)), SlowObjects(before)
    given = pieces(bytes(TWO_PARTS + 7), Finish())
    writing = asyncio.create_task(writer(store, objects).run(PRINCIPAL, store.upload.upload_id, 0, given))
    await until(lambda: objects.stored == [2])
    gate.set()
    with pytest.raises(DependencyUnavailable):
        await writing
    assert (store.parts, store.tail) == ([], None)


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_caller_that_leaves_while_the_end_is_stored_loses_nothing(deleted: bool) -> None:
    reached = asyncio.Event()

    async def before(number: int) -> None:
        if number == 1:
            reached.set()
            await asyncio.Event().wait()

    store, objects = Store(upload(1000), deleted=deleted), SlowObjects(before)
    given = pieces(bytes(1000), Finish())
    writing = asyncio.create_task(writer(store, objects).run(PRINCIPAL, store.upload.upload_id, 0, given))
    await reached.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    if deleted:
        assert (store.tail, objects.objects) == (None, {})
    else:
        assert store.tail is not None
        assert objects.objects == {store.tail.key: bytes(1000)}
