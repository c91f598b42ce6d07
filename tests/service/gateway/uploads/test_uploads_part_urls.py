"""CreateUploadPartUrls: parts that go straight to the store, each by a URL of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable

import pytest
import urllib3
from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import MIB, PART, reason
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.upload_steps import digest, put, row, stored, urls


async def test_parts_go_straight_to_the_store(gateway: Gateway) -> None:
    data = os.urandom(2 * PART + 100)
    upload = await gateway.client.new_upload(size_bytes=len(data))
    found = await urls(gateway, upload.name, 1, 2, 3)
    places = (0, PART, 2 * PART)
    tags = await asyncio.gather(*(put(url, data[at : at + PART]) for url, at in zip(found, places, strict=True)))
    parts = [pb.UploadPart(part_number=n, etag=tag) for n, tag in enumerate(tags, 1)]

    def complete(parts: list[pb.UploadPart]) -> Awaitable[pb.Upload]:
        request = pb.CompleteUploadRequest(name=upload.name, sha256=digest(data), parts=parts)
        return gateway.client.uploads.CompleteUpload(request)

    wrong = pb.UploadPart(part_number=3, etag="wrong")
    more = pb.UploadPart(part_number=4, etag="x")
    for bad in ([], parts[::-1], [parts[0], parts[2]], [*parts[:2], wrong], [*parts, more]):
        assert await reason(complete(bad)) == "UPLOAD_PART_INVALID"
    assert await reason(complete(parts[:2])) == "UPLOAD_SIZE_MISMATCH"
    assert await reason(gateway.client.write(upload.name, b"x")) == "UPLOAD_STATE_CONFLICT"
    assert (await complete(parts)).state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data


async def test_streams_and_parts_do_not_mix(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, b"x", finish=None)
    request = pb.CreateUploadPartUrlsRequest(name=upload.name, part_numbers=[1])
    assert await reason(gateway.client.uploads.CreateUploadPartUrls(request)) == "UPLOAD_STATE_CONFLICT"


async def test_a_part_url_is_good_for_its_part_alone(gateway: Gateway) -> None:
    one, two = [await gateway.client.new_upload(size_bytes=1) for _ in range(2)]
    (url,) = await urls(gateway, one.name, 1)
    (other,) = await urls(gateway, two.name, 1)
    forged = url.url.replace(row(one.name), row(two.name))
    response = await asyncio.to_thread(urllib3.request, "PUT", forged, body=b"x", timeout=10)
    assert response.status == 403
    forged = url.url.replace("partNumber=1", "partNumber=2")
    assert (await asyncio.to_thread(urllib3.request, "PUT", forged, body=b"x", timeout=10)).status == 403
    assert (await asyncio.to_thread(urllib3.request, "GET", other.url, timeout=10)).status == 403


@pytest.mark.parametrize("size", [0, 99, 101, 5 * MIB])
async def test_a_part_url_accepts_exactly_its_bytes(gateway: Gateway, size: int) -> None:
    upload = await gateway.client.new_upload(size_bytes=PART + 100)
    for url in await urls(gateway, upload.name, 1, 2):
        response = await asyncio.to_thread(urllib3.request, "PUT", url.url, body=bytes(size), timeout=10)
        assert response.status == 403


async def test_parts_need_a_stated_size_and_end_with_it(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    request = pb.CreateUploadPartUrlsRequest(name=upload.name, part_numbers=[1])
    assert await reason(gateway.client.uploads.CreateUploadPartUrls(request)) == "UPLOAD_STATE_CONFLICT"
    upload = await gateway.client.new_upload(size_bytes=2 * PART)
    request = pb.CreateUploadPartUrlsRequest(name=upload.name, part_numbers=[1, 3])
    assert await reason(gateway.client.uploads.CreateUploadPartUrls(request)) == "INVALID_REQUEST"
    assert gateway.multiparts() == 0


async def test_a_part_may_be_sent_again(gateway: Gateway) -> None:
    data = os.urandom(1000)
    upload = await gateway.client.new_upload(size_bytes=len(data))
    (url,) = await urls(gateway, upload.name, 1)
    await put(url, bytes(len(data)))
    tag = await put(url, data)
    parts = [pb.UploadPart(part_number=1, etag=tag)]
    request = pb.CompleteUploadRequest(name=upload.name, sha256=digest(data), parts=parts)
    assert (await gateway.client.uploads.CompleteUpload(request)).state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data
