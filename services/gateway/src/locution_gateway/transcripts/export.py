"""Write a transcript as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal
from locution_gateway.transcripts.formats import Format, writer
from locution_gateway.transcripts.formats.layout import BROADCAST, Layout
from locution_gateway.transcripts.read import ReadTranscripts

PIECE: Final = 64 * 1024


class ExportTranscript:
    """Writes a transcript as a file, with flat memory."""

    def __init__(self, transcripts: ReadTranscripts) -> None:
        self._transcripts = transcripts

    async def run(
        self, principal: Principal, job_id: JobId, format: Format, layout: Layout = BROADCAST
    ) -> AsyncIterator[bytes]:
        """Yield the file in pieces of about 64 KiB, at least one; subtitles have the layout.

        Refuses with TRANSCRIPT_NOT_READY, also for speaker turns of a job without diarization.
        """
        _, summary = await self._transcripts.ready(principal, job_id)
        if format is Format.RTTM and summary.turns is None:
            raise Refused(Reason.TRANSCRIPT_NOT_READY, "the job ran without diarization and has no speaker turns")
        segments = self._transcripts.stream(principal, job_id)
        gathered = bytearray()
        async for text in writer(format, layout).write(str(job_id), summary, segments):
            gathered += text.encode()
            while len(gathered) >= PIECE:
                yield bytes(gathered[:PIECE])
                del gathered[:PIECE]
        yield bytes(gathered)
