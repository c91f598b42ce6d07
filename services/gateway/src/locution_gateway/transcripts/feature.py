"""Open transcripts."""

from __future__ import annotations

from typing import Any

from locution.v1.transcript_service_pb2_grpc import add_TranscriptServiceServicer_to_server

from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.transcripts.export import ExportTranscript
from locution_gateway.transcripts.postgres import PostgresTranscripts
from locution_gateway.transcripts.read import ReadTranscripts
from locution_gateway.transcripts.servicer import Transcripts


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve TranscriptService."""
    read = ReadTranscripts(PostgresTranscripts(assembly.need(TenantDatabase)))
    servicer = Transcripts(read, ExportTranscript(read))
    assembly.serve("locution.v1.TranscriptService", add_TranscriptServiceServicer_to_server, servicer)
