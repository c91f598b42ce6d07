"""Read transcripts as files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import grpc
from locution.v1 import transcript_service_pb2 as pb
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceStub

from locution_client.calls import Access, retrying
from locution_client.service import Service

Format: TypeAlias = "pb.ExportTranscriptRequest.Format.ValueType"

FORMATS: dict[str, Format] = {
    "txt": pb.ExportTranscriptRequest.FORMAT_TXT,
    "srt": pb.ExportTranscriptRequest.FORMAT_SRT,
    "vtt": pb.ExportTranscriptRequest.FORMAT_VTT,
    "json": pb.ExportTranscriptRequest.FORMAT_JSON,
    "rttm": pb.ExportTranscriptRequest.FORMAT_RTTM,
}
"""Formats by file name extension."""

SUBTITLES = frozenset({"srt", "vtt"})
"""The formats that have SubtitleOptions."""

EXPORT_DEADLINE = 300.0


class Transcripts(Service):
    """Call TranscriptService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = TranscriptServiceStub(channel)

    async def export_all(
        self, job: str, formats: Iterable[str], subtitles: pb.SubtitleOptions | None = None
    ) -> dict[str, bytes]:
        """Return a job's transcript in several FORMATS; `subtitles` applies to those of SUBTITLES."""
        return {each: await self.export(job, each, subtitles if each in SUBTITLES else None) for each in formats}

    async def export(self, job: str, file_format: str, subtitles: pb.SubtitleOptions | None = None) -> bytes:
        """Return a job's transcript as a file of one of FORMATS; `subtitles` is for SUBTITLES only."""
        name = f"{job}/transcript"
        request = pb.ExportTranscriptRequest(name=name, format=FORMATS[file_format], subtitles=subtitles)
        return await retrying(lambda: self._collect(request), self._access)

    async def _collect(self, request: pb.ExportTranscriptRequest) -> bytes:
        stream = self._stub.ExportTranscript(request, metadata=self._access.metadata, timeout=EXPORT_DEADLINE)
        return b"".join([piece.data async for piece in stream])
