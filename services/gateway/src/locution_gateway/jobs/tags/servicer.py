"""TagService."""

from __future__ import annotations

from dataclasses import dataclass

from locution.v1 import tag_service_pb2 as pb
from locution.v1.tag_service_pb2_grpc import TagServiceServicer
from locution_common.auth import caller

from locution_gateway.jobs.tags import convert
from locution_gateway.jobs.tags.manage import ManageTags
from locution_gateway.platform.each import each
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context


@dataclass(frozen=True, slots=True)
class Tags(TagServiceServicer):
    """Manages a tenant's tags."""

    manage: ManageTags

    async def ListTags(self, request: pb.ListTagsRequest, context: Context) -> pb.ListTagsResponse:
        page = await self.manage.list(caller(Principal), request.page_size, request.page_token)
        return pb.ListTagsResponse(tags=await each(convert.tag_to_proto, page.tags), next_page_token=page.next_token)

    async def RenameTag(self, request: pb.RenameTagRequest, context: Context) -> pb.RenameTagResponse:
        tag, changed = await self.manage.rename(caller(Principal), convert.tag(request.name), request.new_tag)
        return pb.RenameTagResponse(tag=convert.tag_to_proto(tag), changed_count=changed)

    async def DeleteTag(self, request: pb.DeleteTagRequest, context: Context) -> pb.DeleteTagResponse:
        changed = await self.manage.delete(caller(Principal), convert.tag(request.name))
        return pb.DeleteTagResponse(changed_count=changed)
