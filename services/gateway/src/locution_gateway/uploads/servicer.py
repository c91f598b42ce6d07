"""UploadService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from locution.v1 import upload_service_pb2 as pb
from locution.v1.upload_service_pb2_grpc import UploadServiceServicer
from locution_common.auth import caller

from locution_gateway.platform.convert import request_key
from locution_gateway.platform.each import each
from locution_gateway.platform.etags import version
from locution_gateway.platform.names import UPLOADS
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context
from locution_gateway.uploads import convert
from locution_gateway.uploads.complete import CompleteUpload
from locution_gateway.uploads.create import CreateUpload
from locution_gateway.uploads.part_urls import CreatePartUrls
from locution_gateway.uploads.read import DeleteUpload, ReadUploads
from locution_gateway.uploads.write import PART_SIZE, WriteUpload


@dataclass(frozen=True, slots=True)
class Uploads(UploadServiceServicer):
    """Receives recordings."""

    create: CreateUpload
    write: WriteUpload
    complete: CompleteUpload
    read: ReadUploads
    delete: DeleteUpload
    part_urls: CreatePartUrls

    async def CreateUpload(self, request: pb.CreateUploadRequest, context: Context) -> pb.Upload:
        draft = convert.draft(request.upload)
        if request.validate_only:
            self.create.check(draft)
            return request.upload
        upload = await self.create.run(caller(Principal), draft, request_key("CreateUpload", request))
        return convert.upload_to_proto(upload)

    async def WriteUpload(self, request_iterator: AsyncIterator[pb.WriteUploadRequest], context: Context) -> pb.Upload:
        start = await convert.start(request_iterator)
        pieces = convert.pieces(request_iterator)
        upload_id = UPLOADS.id(start.name)
        on_end = context.add_done_callback
        upload = await self.write.run(caller(Principal), upload_id, start.offset, pieces, on_end)
        return convert.upload_to_proto(upload)

    async def CompleteUpload(self, request: pb.CompleteUploadRequest, context: Context) -> pb.Upload:
        sha256 = request.sha256 if request.HasField("sha256") else None
        parts = convert.stated_parts(request.parts)
        upload = await self.complete.run(caller(Principal), UPLOADS.id(request.name), sha256, parts)
        return convert.upload_to_proto(upload)

    async def GetUpload(self, request: pb.GetUploadRequest, context: Context) -> pb.Upload:
        upload = await self.read.get(caller(Principal), UPLOADS.id(request.name))
        return convert.upload_to_proto(upload)

    async def ListUploads(self, request: pb.ListUploadsRequest, context: Context) -> pb.ListUploadsResponse:
        uploads, token = await self.read.list(caller(Principal), request.page_size, request.page_token, request.filter)
        return pb.ListUploadsResponse(uploads=await each(convert.upload_to_proto, uploads), next_page_token=token)

    async def DeleteUpload(self, request: pb.DeleteUploadRequest, context: Context) -> Empty:
        await self.delete.run(caller(Principal), UPLOADS.id(request.name), version(request.etag))
        return Empty()

    async def CreateUploadPartUrls(
        self, request: pb.CreateUploadPartUrlsRequest, context: Context
    ) -> pb.CreateUploadPartUrlsResponse:
        upload_id = UPLOADS.id(request.name)
        urls = await self.part_urls.run(caller(Principal), upload_id, list(request.part_numbers))
        return convert.part_urls_to_proto(urls, PART_SIZE)
