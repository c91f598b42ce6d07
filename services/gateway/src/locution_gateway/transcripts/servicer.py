"""TranscriptService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from locution.v1 import transcript_service_pb2 as pb
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceServicer
from locution_common.auth import caller
from locution_common.errors import Reason, Refused

from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context
from locution_gateway.transcripts import convert
from locution_gateway.transcripts.export import ExportTranscript
from locution_gateway.transcripts.formats import writer
from locution_gateway.transcripts.read import ReadTranscripts

MAX_BYTES: Final = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Transcripts(TranscriptServiceServicer):
    """Returns what was said, by whom and when."""

    read: ReadTranscripts
    export: ExportTranscript

    async def GetTranscript(self, request: pb.GetTranscriptRequest, context: Context) -> pb.Transcript:
        whole = await self.read.whole(caller(Principal), convert.transcript_job(request.name))
        transcript = await asyncio.to_thread(convert.transcript_to_proto, *whole)
        if transcript.ByteSize() > MAX_BYTES:
            raise Refused(Reason.TRANSCRIPT_TOO_LARGE)
        return transcript

    async def ListSegments(self, request: pb.ListSegmentsRequest, context: Context) -> pb.ListSegmentsResponse:
        job_id = convert.transcript_job(request.parent)
        page = await self.read.page(caller(Principal), job_id, request.page_size, request.page_token)
        segments = await asyncio.to_thread(convert.segments_to_proto, page.segments, page.first)
        return pb.ListSegmentsResponse(segments=segments, next_page_token=page.next_token, complete=page.complete)

    async def ExportTranscript(
        self, request: pb.ExportTranscriptRequest, context: Context
    ) -> AsyncIterator[pb.ExportTranscriptResponse]:
        job_id, kind = convert.transcript_job(request.name), convert.FORMATS[request.format]
        media_type = writer(kind).media_type
        async for data in self.export.run(caller(Principal), job_id, kind, convert.layout(request)):
            yield pb.ExportTranscriptResponse(data=data, media_type=media_type)
            media_type = ""
