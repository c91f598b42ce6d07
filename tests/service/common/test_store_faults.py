"""What stores and networks do to requests: never a wrong answer, at most a dependency that is unavailable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from locution_common.errors import DependencyUnavailable
from locution_common.objects import ObjectStore, open_store

from tests.chaos.proxy import FaultProxy
from tests.support.s3 import S3Server


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    proxy = FaultProxy(s3.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
async def store(s3: S3Server, bucket: str, proxy: FaultProxy) -> AsyncIterator[ObjectStore]:
    async with open_store(s3.settings(bucket).model_copy(update={"s3_endpoint": proxy.endpoint})) as store:
        yield store


async def test_a_short_read_is_no_end_of_the_object(store: ObjectStore, proxy: FaultProxy) -> None:
    await store.put("x", b"y" * 1000)
    proxy.fault(1, short_read=1.0)
    with pytest.raises(DependencyUnavailable):
        [piece async for piece in store.stream("x")]
    proxy.clean()
    assert b"".join([piece async for piece in store.stream("x")]) == b"y" * 1000


async def test_a_completion_that_answers_200_with_an_error_can_be_tried_again(
    store: ObjectStore, proxy: FaultProxy
) -> None:
    upload_id = await store.create_multipart("x")
    part = await store.upload_part("x", upload_id, 1, b"y" * 1000)
    proxy.fault(1, error_in_200=1.0)
    with pytest.raises(DependencyUnavailable):
        await store.complete_multipart("x", upload_id, [part])
    proxy.clean()
    assert (await store.complete_multipart("x", upload_id, [part])).size == 1000


async def test_a_completion_whose_answer_was_lost_can_be_tried_again(store: ObjectStore, proxy: FaultProxy) -> None:
    upload_id = await store.create_multipart("x")
    part = await store.upload_part("x", upload_id, 1, b"y" * 1000)
    proxy.fault(1, lost_answer=1.0)
    with pytest.raises(DependencyUnavailable):
        await store.complete_multipart("x", upload_id, [part])
    proxy.clean()
    assert (await store.complete_multipart("x", upload_id, [part])).size == 1000


@pytest.mark.parametrize("fault", ["500", "503", "reset-answer", "reset-request", "lost-answer"])
async def test_a_store_that_always_fails_is_unavailable(store: ObjectStore, proxy: FaultProxy, fault: str) -> None:
    proxy.fault(1, **{fault: 1.0})
    with pytest.raises(DependencyUnavailable):
        await store.put("x", b"y" * 1000)
