"""What tests of uploads do and look at."""

from __future__ import annotations

import asyncio
import hashlib

import urllib3
from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import PART
from tests.service.gateway.conftest import Gateway


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def stored(gateway: Gateway, name: str) -> bytes:
    """Return the bytes of the object that an upload's row names."""
    key = await gateway.owner.fetchval(
        "SELECT o.object_key FROM gateway.objects o JOIN gateway.uploads USING (object_id) WHERE upload_id = $1::uuid",
        name.removeprefix("uploads/"),
    )
    return gateway.store.get_object(gateway.bucket, key).data


def row(name: str) -> str:
    return name.removeprefix("uploads/")


async def state_of(gateway: Gateway, name: str, wanted: pb.Upload.State.ValueType) -> pb.Upload:
    """Wait until an upload is in a state."""
    async with asyncio.timeout(30):
        while (upload := await gateway.client.get_upload(name)).state != wanted:
            await asyncio.sleep(0.05)
    return upload


async def empty(gateway: Gateway) -> None:
    """Wait until the store holds nothing."""
    async with asyncio.timeout(30):
        while gateway.keys() or gateway.multiparts():
            await asyncio.sleep(0.05)


async def put(url: pb.UploadPartUrl, data: bytes) -> str:
    """PUT a part and return the store's ETag."""
    response = await asyncio.to_thread(urllib3.request, "PUT", url.url, body=data, timeout=10)
    assert response.status == 200, response.data
    return str(response.headers["ETag"])


async def urls(gateway: Gateway, name: str, *numbers: int) -> list[pb.UploadPartUrl]:
    request = pb.CreateUploadPartUrlsRequest(name=name, part_numbers=numbers)
    answer = await gateway.client.uploads.CreateUploadPartUrls(request)
    assert answer.part_size_bytes == PART
    return list(answer.urls)


async def held(gateway: Gateway, data: bytes, sha256: str | None = None) -> str:
    """Make an upload that stays VERIFYING until its verification is let go."""
    upload = await gateway.client.new_upload(sha256=sha256)
    await gateway.client.write(upload.name, data, finish=None)
    await gateway.owner.execute("UPDATE gateway.uploads SET verify_until = now() + interval '1 hour'")
    sealed = await gateway.client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=upload.name))
    assert sealed.state == pb.Upload.STATE_VERIFYING
    return upload.name
