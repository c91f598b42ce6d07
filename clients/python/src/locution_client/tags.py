"""List, rename and delete tags of jobs."""

from __future__ import annotations

import grpc
from locution.v1 import tag_service_pb2 as pb
from locution.v1.tag_service_pb2_grpc import TagServiceStub

from locution_client.calls import DEADLINE, retrying
from locution_client.jobs import LONG


class Tags:
    """Call TagService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = TagServiceStub(channel)
        self._metadata = metadata

    async def all(self) -> list[pb.Tag]:
        """List all tags by name, with their jobs."""
        tags: list[pb.Tag] = []
        request = pb.ListTagsRequest(page_size=1000)
        while True:
            page = await retrying(lambda: self._stub.ListTags(request, metadata=self._metadata, timeout=DEADLINE))
            tags.extend(page.tags)
            if not page.next_page_token:
                return tags
            request.page_token = page.next_page_token

    async def rename(self, tag: str, new: str) -> pb.RenameTagResponse:
        """Give a tag another name on every job."""
        request = pb.RenameTagRequest(name=f"tags/{tag}", new_tag=new)
        return await retrying(lambda: self._stub.RenameTag(request, metadata=self._metadata, timeout=LONG))

    async def delete(self, tag: str) -> int:
        """Take a tag from every job, and return from how many."""
        request = pb.DeleteTagRequest(name=f"tags/{tag}")
        answer = await retrying(lambda: self._stub.DeleteTag(request, metadata=self._metadata, timeout=LONG))
        return answer.changed_count
