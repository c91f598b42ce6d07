"""Does a worker's part by hand: claims stages as the worker's role and finishes them with made-up results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from locution_common.errors import Reason
from locution_gateway.jobs.models import Failure, Section, StageKind, StageLease
from locution_gateway.media.models import AudioTrack, Media
from locution_gateway.pipeline.models import Decoded, Joined, SectionResult
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.transcripts import codec as transcripts_codec
from locution_gateway.transcripts.models import SectionTranscript, Speaker, TranscriptSummary
from locution_gateway.voices.clusterings import Clustering, dump_clustering
from locution_speech.clock import SAMPLE_RATE
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Outcome, Segment, Word

LEASE = timedelta(seconds=30)
SECTION = 10 * SAMPLE_RATE
RECORDING = Media(
    "matroska,webm",
    (
        AudioTrack("aac", 48_000, 2, "ger", "Desktop", 20.0, True, False),
        AudioTrack("opus", 48_000, 1, "ger", "Microphone", 20.0, False, True),
    ),
    20.0,
)
HEARD = 6
"""Sections of a job whose speaker is heard for long enough to be enrolled: a second in each."""
OPAQUE = b"opaque"
KEPT = dump_clustering(Clustering((), ((0.6, 0.8),)))


@dataclass
class HandWorker:
    """Works on whatever is ready."""

    stages: PostgresStages
    clustering: bytes = KEPT

    async def claim(self, *kinds: StageKind) -> StageLease | None:
        return await self.stages.claim("test", LEASE, kinds or tuple(StageKind))

    async def begin(self, *kinds: StageKind) -> StageLease:
        """Claim a stage and begin it."""
        lease = await self.claim(*kinds)
        assert lease is not None
        await self.stages.begin(lease)
        return lease

    async def decode(self, sections: int = 2, channels: int = 1) -> StageLease:
        """Finish a DECODE stage with sections of ten seconds."""
        lease = await self.begin(StageKind.DECODE)
        cut = tuple(Section(index, index * SECTION, (index + 1) * SECTION) for index in range(sections))
        pcm_key = f"{lease.tenant_id.hex}/jobs/{lease.job_id.hex}/pcm/{lease.token.hex}"
        await self.stages.finish_decode(lease, Decoded(pcm_key, sections * SECTION, channels, cut, media=RECORDING))
        return lease

    async def transcribe(self) -> StageLease:
        """Finish a TRANSCRIBE stage: one segment, whose text names its section and channel."""
        lease = await self.begin(StageKind.TRANSCRIBE)
        body = transcripts_codec.dump_section(spoken(lease.section, lease.channel))
        await self.stages.finish_section(lease, SectionResult(body, 2.0))
        return lease

    async def diarize(self) -> StageLease:
        """Finish a DIARIZE stage with bytes that nobody reads here, or a CLUSTER stage with the voice of a speaker."""
        lease = await self.begin(StageKind.DIARIZE, StageKind.CLUSTER)
        body = OPAQUE if lease.kind is StageKind.DIARIZE else self.clustering
        await self.stages.finish_section(lease, SectionResult(body, 1.0))
        return lease

    async def fail(self, *kinds: StageKind, reason: Reason = Reason.INFERENCE_FAILED) -> StageLease:
        """Bury a stage."""
        lease = await self.begin(*kinds)
        await self.stages.fail(lease, Failure(reason, "it broke"), None, 1)
        return lease

    async def join(self, segments: int = 2, speakers: bool = True) -> StageLease:
        """Finish the JOIN stage with a transcript."""
        lease = await self.begin(StageKind.JOIN)
        await self.stages.finish_join(lease, joined(segments, speakers))
        return lease

    async def run(self, sections: int = 2) -> None:
        """Bring one job to its end."""
        await self.decode(sections)
        for _ in range(sections):
            await self.transcribe()
            await self.diarize()
        await self.diarize()
        await self.join(sections)


def spoken(section: int, channel: int = 0) -> SectionTranscript:
    """Return a section's transcript, its times those of the section."""
    word = Word(SAMPLE_RATE, 2 * SAMPLE_RATE, f"section{section}", 0.9)
    segment = Segment(SAMPLE_RATE, 2 * SAMPLE_RATE, f"section{section} channel{channel}", (word,), language="en")
    return SectionTranscript((segment,), (CoverageSpan(0, SECTION, Outcome.TRANSCRIBED),), SAMPLE_RATE)


def joined(count: int, speakers: bool) -> Joined:
    """Return a transcript of so many segments, ten seconds apart."""
    label = "SPEAKER_00" if speakers else None
    segments = tuple(
        Segment(
            start=index * SECTION,
            end=index * SECTION + SAMPLE_RATE,
            text=f"sentence {index}.",
            words=(Word(index * SECTION, index * SECTION + SAMPLE_RATE, "sentence", 0.5, speaker=label),),
            speaker=label,
            language="en",
        )
        for index in range(count)
    )
    summary = TranscriptSummary(
        duration_samples=count * SECTION,
        language="en" if count else None,
        speakers=(Speaker("SPEAKER_00", count * SAMPLE_RATE),) if speakers else None,
        turns=tuple(Turn(s.start, s.end, "SPEAKER_00") for s in segments) if speakers else None,
        coverage=(CoverageSpan(0, count * SECTION, Outcome.TRANSCRIBED),) if count else (),
        speech_coverage=1.0 if count else None,
        segment_count=count,
    )
    return Joined(summary, segments, (), count * SAMPLE_RATE)
