"""Run one stage and store its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from locution_common.errors import InternalError, Reason
from locution_speech.engine.models import Flow, FlowKey

from locution_gateway.jobs.config import DiarizationConfig
from locution_gateway.jobs.models import JobWarning, StageKind, WarningCode
from locution_gateway.pipeline.answers import check_centroids, check_section, check_spans
from locution_gateway.pipeline.decoder import MediaDecoder
from locution_gateway.pipeline.engines.speakers import GrpcDiarizationEngine
from locution_gateway.pipeline.engines.speech import GrpcSpeechEngine
from locution_gateway.pipeline.join import join
from locution_gateway.pipeline.match_voices import recognise
from locution_gateway.pipeline.models import (
    Audio,
    FinishedStage,
    Joined,
    LeaseLostError,
    Onward,
    Progress,
    SectionResult,
    StageWork,
)
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.pipeline.recording import StoredRecording, held
from locution_gateway.platform.ids import VoiceId
from locution_gateway.transcripts.models import SectionTranscript
from locution_gateway.voices.clusterings import Clustering
from locution_gateway.voices.models import KnownVoice
from locution_gateway.voices.postgres import PostgresVoices


@dataclass(frozen=True, slots=True)
class Codec:
    """Converts the results that are stored between stages."""

    dump_section: Callable[[SectionTranscript], bytes]
    load_section: Callable[[bytes], SectionTranscript]
    dump_clustering: Callable[[Clustering], bytes]
    load_clustering: Callable[[bytes], Clustering]


@dataclass(frozen=True, slots=True)
class StageWorker:
    """Runs stages of every kind. The caller handles its exceptions."""

    stages: PostgresStages
    decoder: MediaDecoder
    recording: StoredRecording
    speech: GrpcSpeechEngine
    speakers: GrpcDiarizationEngine
    codec: Codec
    voices: PostgresVoices

    async def do(self, work: StageWork, progress: Progress, onward: Onward = lambda: None) -> StageWork | None:
        """Run one stage and store its result under its lease; return what a SHORT job needs next, if `onward` asks."""
        match work.lease.kind:
            case StageKind.DECODE:
                return await self._decode(work, progress, onward)
            case StageKind.TRANSCRIBE:
                result = await self._transcribe(work, progress)
            case StageKind.DIARIZE:
                result = await self._diarize(work, progress)
            case StageKind.CLUSTER:
                result = await self._cluster(work)
            case StageKind.JOIN:
                await self.stages.finish_join(work.lease, await self._join(work))
                return None
        return await self.stages.finish_section(work.lease, result, onward())

    async def _decode(self, work: StageWork, progress: Progress, onward: Onward) -> StageWork | None:
        """Decode, and delete the output of an attempt that cannot have been recorded.

        If the recording was cancelled in progress, its outcome is unknown: the output stays, and the end of the lease
        deletes it if it was not recorded.
        """
        try:
            decoded = await self.decoder.decode(work, progress)
        except asyncio.CancelledError:
            await asyncio.shield(self.decoder.discard(work.lease))
            raise
        try:
            return await self.stages.finish_decode(work.lease, decoded, onward())
        except LeaseLostError:
            await asyncio.shield(self.decoder.discard(work.lease))
            raise

    async def _transcribe(self, work: StageWork, progress: Progress) -> SectionResult:
        config = work.job.config
        answer = await self.speech.transcribe(_flow(work), config, config.asr_model.path, self._audio(work), progress)
        check_section(answer.transcript, work.section.end - work.section.start)
        return SectionResult(self.codec.dump_section(answer.transcript), answer.transcript.compute_seconds)

    async def _diarize(self, work: StageWork, progress: Progress) -> SectionResult:
        return await self.speakers.diarize(_flow(work), _diarization(work).model.path, self._audio(work), progress)

    async def _cluster(self, work: StageWork) -> SectionResult:
        started = time.monotonic()
        found = await self.stages.finished(work.lease, (StageKind.DIARIZE,))
        kept = [stage for stage in found if stage.body is not None]
        answer = await self.speakers.cluster(_flow(work), work.job.config, [stage.body or b"" for stage in kept])
        by_section = dict(zip((stage.section for stage in kept), answer.spans, strict=True))
        for number, found_spans in by_section.items():
            check_spans(found_spans, work.sections[number].end - work.sections[number].start)
        check_centroids(answer.centroids)
        every = tuple(by_section.get(section.index, ()) for section in work.sections)
        body = self.codec.dump_clustering(Clustering(every, answer.centroids))
        return SectionResult(body, time.monotonic() - started)

    async def _join(self, work: StageWork) -> Joined:
        kinds = (StageKind.TRANSCRIBE, StageKind.DIARIZE, StageKind.CLUSTER)
        found = await self.stages.finished(work.lease, kinds)
        texts = [stage for stage in found if stage.kind is StageKind.TRANSCRIBE]
        done = [(work.sections[s.section], s.channel, self.codec.load_section(s.body)) for s in texts if s.body]
        failed = [(work.sections[s.section], s.channel, s.failure.reason) for s in texts if s.failure]
        clustering, warnings = self._clustering(work, found)
        names = await self._names(work, clustering)
        spans = None if clustering is None else clustering.spans
        return join(work.job, work.sections, done, failed, spans, warnings, names)

    async def _names(self, work: StageWork, clustering: Clustering | None) -> dict[int, KnownVoice]:
        """Return the voices for identification, as the tenant has them now."""
        wanted = work.job.config.diarization
        if clustering is None or wanted is None or not wanted.voices or not clustering.centroids:
            return {}
        sought = [VoiceId(voice) for voice in wanted.voices]
        known = await self.voices.known(work.lease.tenant_id, sought, wanted.model.checksum)
        return recognise(clustering, known)

    def _clustering(
        self, work: StageWork, found: tuple[FinishedStage, ...]
    ) -> tuple[Clustering | None, list[JobWarning]]:
        """Return who speaks when, or None with a warning if diarization was requested but failed."""
        if work.job.config.diarization is None:
            return None, []
        failures = [stage.failure for stage in found if stage.failure and stage.kind is not StageKind.TRANSCRIBE]
        warnings = [_unavailable(failure.reason, failure.message) for failure in failures[:1]]
        clustered = [stage.body for stage in found if stage.kind is StageKind.CLUSTER and stage.body]
        return (self.codec.load_clustering(clustered[0]) if clustered else None), warnings

    def _audio(self, work: StageWork) -> Audio:
        key = work.job.pcm_key
        if key is None:
            raise InternalError("a section's stage has no audio")
        channel, section = work.lease.channel, work.section

        def read() -> AsyncIterator[bytes]:
            if work.pcm:
                return held(work.pcm[channel], section)
            return self.recording.read(key, channel, section)

        return read


def _unavailable(reason: Reason, message: str) -> JobWarning:
    return JobWarning(WarningCode.DIARIZATION_UNAVAILABLE, f"some audio has no speakers: {message}", reason)


def _diarization(work: StageWork) -> DiarizationConfig:
    if work.job.config.diarization is None:
        raise InternalError("a diarization stage requires a job with diarization")
    return work.job.config.diarization


def _flow(work: StageWork) -> Flow:
    """Return the opaque key of fair sharing: one per tenant."""
    return Flow(FlowKey(work.lease.tenant_id.hex), work.lease.share)
