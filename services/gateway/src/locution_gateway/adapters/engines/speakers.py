"""Client of locution.engine.v1.DiarizerService."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1 import diarizer_service_pb2_grpc
from locution_common.errors import InternalError, Reason, Refused

from locution_gateway.adapters.engines.exchange import Exchange
from locution_gateway.adapters.engines.speech import chunks, flow_message
from locution_gateway.domain.config import JobConfig
from locution_gateway.domain.stages import Audio, Clustering, Flow, Progress, SectionResult, SpeakerSpan


class GrpcDiarizationEngine:
    """Who spoke when, by any diarizer replica behind a channel."""

    def __init__(self, channel: grpc.aio.Channel, stall_seconds: float) -> None:
        """Give work up when the engine says nothing for `stall_seconds`."""
        self._stub = diarizer_service_pb2_grpc.DiarizerServiceStub(channel)
        self._stall = stall_seconds

    async def diarize(self, flow: Flow, model: str, audio: Audio, progress: Progress) -> SectionResult:
        """Find one section's local speakers; the body is a serialised SectionSpeakers."""
        begin = pb.DiarizeStart(flow=flow_message(flow), model=model)
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
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a section without its result")
        check_section(done.section, sent.samples)
        return SectionResult(done.section.SerializeToString(deterministic=True), done.timings.compute_seconds)

    async def cluster(self, flow: Flow, config: JobConfig, sections: Sequence[bytes]) -> Clustering:
        """Join the sections' speakers into speakers of the recording."""
        exchange = Exchange(self._stub.Cluster(), _cluster_requests(_start(flow, config), sections), self._stall)
        exchange.admit()
        async with aclosing(exchange.answers()) as answers:
            found = [answer async for answer in answers]
        if len(found) != len(sections):
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a clustering without its result")
        return Clustering(tuple(map(_spans, found)), _voices(found[-1]) if found else ())


class _Counted:
    """A section's audio that counts the samples read of it."""

    def __init__(self, audio: Audio) -> None:
        self._audio = audio
        self.samples = 0

    async def __call__(self) -> AsyncGenerator[bytes]:
        async for pcm in self._audio():
            self.samples += len(pcm) // 2
            yield pcm


def check_section(section: pb.SectionSpeakers, samples: int) -> None:
    """Believe no engine: refuse unless it had the whole section and every turn lies inside of it."""
    known = {speaker.id for speaker in section.speakers}
    inside = all(
        0 <= turn.start_sample < turn.end_sample <= samples and turn.speaker_id in known for turn in section.turns
    )
    if section.sample_count != samples or not inside:
        raise Refused(Reason.INFERENCE_FAILED, "the engine's answer cannot be true: it is of another section")


async def _section_requests(begin: pb.DiarizeStart, audio: Audio) -> AsyncGenerator[pb.DiarizeRequest]:
    yield pb.DiarizeRequest(start=begin)
    async for chunk in chunks(audio):
        yield pb.DiarizeRequest(audio=chunk)


async def _cluster_requests(begin: pb.ClusterStart, sections: Sequence[bytes]) -> AsyncGenerator[pb.ClusterRequest]:
    yield pb.ClusterRequest(start=begin)
    for body in sections:
        yield pb.ClusterRequest(section=pb.SectionSpeakers.FromString(body))


def _start(flow: Flow, config: JobConfig) -> pb.ClusterStart:
    wanted = config.diarization
    if wanted is None:
        raise InternalError("a clustering belongs to a job without diarization")
    return pb.ClusterStart(
        flow=flow_message(flow),
        model=wanted.model.path,
        speaker_count=wanted.speaker_count,
        min_speaker_count=wanted.min_speaker_count,
        max_speaker_count=wanted.max_speaker_count,
    )


def _voices(last: pb.ClusterResponse) -> tuple[tuple[float, ...], ...]:
    """Return the voices by their speakers' numbers; empty for a speaker without one."""
    known = {voice.speaker: tuple(voice.embedding) for voice in last.voices}
    return tuple(known.get(speaker, ()) for speaker in range(max(known, default=-1) + 1))


def _spans(answer: pb.ClusterResponse) -> tuple[SpeakerSpan, ...]:
    return tuple(SpeakerSpan(turn.start_sample, turn.end_sample, turn.speaker) for turn in answer.turns)
