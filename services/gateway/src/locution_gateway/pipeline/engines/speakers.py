"""Client of locution.engine.v1.DiarizerService."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1 import diarizer_service_pb2_grpc
from locution_common.errors import InternalError, Reason, Refused
from locution_speech import wire_speakers
from locution_speech.engine.models import Flow
from locution_speech.speakers import SectionSpeakers, SpeakerHints

from locution_gateway.jobs.config import DiarizationConfig, JobConfig
from locution_gateway.pipeline.engines.exchange import Exchange, believed
from locution_gateway.pipeline.engines.speech import chunks
from locution_gateway.pipeline.models import Audio, Progress, SectionResult
from locution_gateway.voices.clusterings import Clustering


class GrpcDiarizationEngine:
    """Diarization by any diarizer replica behind a channel."""

    def __init__(self, channel: grpc.aio.Channel, stall_seconds: float) -> None:
        """Fail if the engine is silent for `stall_seconds`."""
        self._stub = diarizer_service_pb2_grpc.DiarizerServiceStub(channel)
        self._stall = stall_seconds

    async def diarize(self, flow: Flow, model: str, audio: Audio, progress: Progress) -> SectionResult:
        """Find one section's local speakers; the body is opaque input of `cluster`."""
        begin = wire_speakers.diarize_start_to_proto(flow, model)
        sent = _Counted(audio)
        exchange = Exchange(self._stub.Diarize(), _section_requests(begin, sent), self._stall)
        done = None
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "progress":
                        exchange.found_result()
                        progress(answer.progress.end_sample)
                    case "done":
                        done = answer.done
        if done is None:
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a section without a result")
        check_section(done.section, sent.samples)
        return SectionResult(wire_speakers.section_to_bytes(done.section), done.timings.compute_seconds)

    async def cluster(self, flow: Flow, config: JobConfig, sections: Sequence[bytes]) -> Clustering:
        """Join the sections' speakers into speakers of the recording; return the spans of each section, in order."""
        exchange = Exchange(self._stub.Cluster(), _cluster_requests(_start(flow, config), sections), self._stall)
        exchange.admit()
        async with aclosing(exchange.answers()) as answers:
            found = [answer async for answer in answers]
        if len(found) != len(sections):
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a clustering without a result")
        with believed():
            turns = tuple(map(wire_speakers.turns_from_proto, found))
        return Clustering(turns, wire_speakers.centroids_from_proto(found[-1]) if found else ())


class _Counted:
    """A section's audio that counts the samples read."""

    def __init__(self, audio: Audio) -> None:
        self._audio = audio
        self.samples = 0

    async def __call__(self) -> AsyncGenerator[bytes]:
        async for pcm in self._audio():
            self.samples += len(pcm) // 2
            yield pcm


def check_section(section: pb.SectionSpeakers, samples: int) -> SectionSpeakers:
    """Refuse with INFERENCE_FAILED unless the engine had the whole section and every turn lies inside it."""
    with believed():
        found = wire_speakers.section_speakers_from_proto(section)
    known = {centroid.speaker for centroid in found.centroids}
    inside = all(turn.length and turn.end <= samples and turn.speaker in known for turn in found.turns)
    if found.sample_count != samples or not inside:
        raise Refused(Reason.INFERENCE_FAILED, "the engine's answer is impossible: it belongs to another section")
    return found


async def _section_requests(begin: pb.DiarizeStart, audio: Audio) -> AsyncGenerator[pb.DiarizeRequest]:
    yield pb.DiarizeRequest(start=begin)
    async for chunk in chunks(audio):
        yield pb.DiarizeRequest(audio=chunk)


async def _cluster_requests(begin: pb.ClusterStart, sections: Sequence[bytes]) -> AsyncGenerator[pb.ClusterRequest]:
    yield pb.ClusterRequest(start=begin)
    for body in sections:
        yield wire_speakers.section_from_bytes(body)


def _start(flow: Flow, config: JobConfig) -> pb.ClusterStart:
    wanted = config.diarization
    if wanted is None:
        raise InternalError("a clustering stage requires a job with diarization")
    return wire_speakers.cluster_start_to_proto(flow, wanted.model.path, hints(wanted))


def hints(wanted: DiarizationConfig) -> SpeakerHints:
    """Return the hints about the number of speakers."""
    return SpeakerHints(wanted.speaker_count, wanted.min_speaker_count, wanted.max_speaker_count)
