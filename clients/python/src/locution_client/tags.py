"""List, rename and delete tags of jobs."""

from __future__ import annotations

import grpc
from locution.v1 import tag_service_pb2 as pb
from locution.v1.tag_service_pb2_grpc import TagServiceStub

from locution_client.calls import Access
from locution_client.jobs import LONG
from locution_client.service import Service


class Tags(Service):
    """Call TagService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = TagServiceStub(channel)

    async def all(self) -> list[pb.Tag]:
        """List all tags by name, with their jobs."""
        return await self._list(self._stub.ListTags, pb.ListTagsRequest(), "tags")

    async def rename(self, tag: str, new: str) -> pb.RenameTagResponse:
        """Rename a tag on every job."""
        request = pb.RenameTagRequest(name=f"tags/{tag}", new_tag=new)
        return await self._call(self._stub.RenameTag, request, timeout=LONG)

    async def delete(self, tag: str) -> int:
        """Remove a tag from every job, and return the number of jobs."""
        request = pb.DeleteTagRequest(name=f"tags/{tag}")
        answer = await self._call(self._stub.DeleteTag, request, timeout=LONG)
        return answer.changed_count
