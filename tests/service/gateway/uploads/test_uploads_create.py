"""CreateUpload: once for a request, within its limits."""

from __future__ import annotations

import asyncio

from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import MIB, reason, refusal
from tests.service.gateway.conftest import Gateway, Serve


async def test_one_request_id_makes_one_upload(gateway: Gateway) -> None:
    request = pb.CreateUploadRequest(upload=pb.Upload(display_name="a"), request_id="one")
    made = await asyncio.gather(*(gateway.client.uploads.CreateUpload(request) for _ in range(5)))
    assert len({upload.name for upload in made}) == 1
    request.upload.display_name = "b"
    assert await reason(gateway.client.uploads.CreateUpload(request)) == "REQUEST_ID_REUSED"
    request.validate_only = True
    await gateway.client.uploads.CreateUpload(request)
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.uploads") == 1
    named = pb.CreateUploadRequest(upload=pb.Upload(name="uploads/mine"))
    assert await reason(gateway.client.uploads.CreateUpload(named)) == "INVALID_REQUEST"


async def test_limits_are_refused_by_name(serve: Serve) -> None:
    async with serve(max_upload_bytes=MIB, max_open_uploads=2, max_write_streams=1) as gateway:
        assert await reason(gateway.client.new_upload(size_bytes=MIB + 1)) == "UPLOAD_TOO_LARGE"
        upload = await gateway.client.new_upload()
        assert await reason(gateway.client.write(upload.name, b"x" * (MIB + 1))) == "UPLOAD_TOO_LARGE"
        open_calls = [gateway.client.new_upload() for _ in range(6)]
        made = await asyncio.gather(*open_calls, return_exceptions=True)
        assert sum(isinstance(one, pb.Upload) for one in made) == 1
        full = await refusal(gateway.client.new_upload())
        assert full.reason == "QUOTA_EXCEEDED"
        assert full.retry_after
