"""ListUploads: pages and filters."""

from __future__ import annotations

from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway


async def test_uploads_are_listed_by_pages(gateway: Gateway) -> None:
    ready = await gateway.client.upload(b"x")
    writing = [(await gateway.client.new_upload()).name for _ in range(3)]
    found, token = [], ""
    while True:
        page = await gateway.client.uploads.ListUploads(pb.ListUploadsRequest(page_size=3, page_token=token))
        found += [upload.name for upload in page.uploads]
        token = page.next_page_token
        if not token:
            break
        wrong = pb.ListUploadsRequest(page_token=token, filter="state = READY")
        assert await reason(gateway.client.uploads.ListUploads(wrong)) == "PAGE_TOKEN_INVALID"
    assert found == [*writing[::-1], ready.name]
    filtered = await gateway.client.uploads.ListUploads(pb.ListUploadsRequest(filter="state = READY"))
    assert [upload.name for upload in filtered.uploads] == [ready.name]
