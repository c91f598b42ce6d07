"""The only conversion to and from what locution.engine.v1 says of speakers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from locution.engine.v1 import common_pb2
from locution.engine.v1 import diarizer_service_pb2 as diarizer_pb

from locution_speech.engine.models import Flow, ModelName, Timings
from locution_speech.speakers import SectionSpeakers, SpeakerCentroid, SpeakerHints, Turn
from locution_speech.wire import flow_from_proto, flow_to_proto, timings_to_proto


class _Opening(Protocol):
    """The first message of any stream to a diarizer."""

    @property
    def flow(self) -> common_pb2.Flow: ...
    @property
    def model(self) -> str: ...


def opening_from_proto(start: _Opening, monotonic: float) -> tuple[Flow, ModelName]:
    """Convert the first message to a diarizer; `monotonic` as for a flow."""
    return flow_from_proto(start.flow, monotonic), ModelName(start.model)


def diarize_start_to_proto(flow: Flow, model: str) -> diarizer_pb.DiarizeStart:
    """Convert the options of a section."""
    return diarizer_pb.DiarizeStart(flow=flow_to_proto(flow), model=model)


def cluster_start_to_proto(flow: Flow, model: str, hints: SpeakerHints) -> diarizer_pb.ClusterStart:
    """Convert the options of a clustering."""
    return diarizer_pb.ClusterStart(
        flow=flow_to_proto(flow),
        model=model,
        speaker_count=hints.exact,
        min_speaker_count=hints.minimum,
        max_speaker_count=hints.maximum,
    )


def hints_from_proto(start: diarizer_pb.ClusterStart) -> SpeakerHints:
    """Convert the hints about the number of speakers."""
    return SpeakerHints(
        exact=start.speaker_count if start.HasField("speaker_count") else None,
        minimum=start.min_speaker_count if start.HasField("min_speaker_count") else None,
        maximum=start.max_speaker_count if start.HasField("max_speaker_count") else None,
    )


def diarize_done_to_proto(section: SectionSpeakers, timings: Timings) -> diarizer_pb.DiarizeDone:
    """Convert the speakers of a section and the timings."""
    message = diarizer_pb.SectionSpeakers(
        sample_count=section.sample_count,
        speakers=[
            diarizer_pb.LocalSpeaker(id=each.speaker, embedding=each.embedding, speech_sample_count=each.samples)
            for each in section.centroids
        ],
        turns=[
            diarizer_pb.LocalTurn(start_sample=turn.start, end_sample=turn.end, speaker_id=turn.speaker)
            for turn in section.turns
        ],
        state=section.state,
    )
    return diarizer_pb.DiarizeDone(section=message, timings=timings_to_proto(timings))


def section_speakers_from_proto(section: diarizer_pb.SectionSpeakers) -> SectionSpeakers:
    """Convert the speakers of a section."""
    return SectionSpeakers(
        section.sample_count,
        tuple(SpeakerCentroid(each.id, tuple(each.embedding), each.speech_sample_count) for each in section.speakers),
        tuple(Turn(turn.start_sample, turn.end_sample, turn.speaker_id) for turn in section.turns),
        section.state,
    )


def section_to_bytes(section: diarizer_pb.SectionSpeakers) -> bytes:
    """Return the bytes that store a section until all sections are joined."""
    return section.SerializeToString(deterministic=True)


def section_from_bytes(body: bytes) -> diarizer_pb.ClusterRequest:
    """Return the request that passes a stored section to Cluster."""
    return diarizer_pb.ClusterRequest(section=diarizer_pb.SectionSpeakers.FromString(body))


def cluster_responses_to_proto(
    sections: Sequence[Sequence[Turn[int]]], centroids: Sequence[SpeakerCentroid]
) -> Iterator[diarizer_pb.ClusterResponse]:
    """Yield one message per section, the last with the centroids."""
    for index, turns in enumerate(sections, 1):
        yield diarizer_pb.ClusterResponse(
            turns=[
                diarizer_pb.SpeakerTurn(start_sample=turn.start, end_sample=turn.end, speaker=turn.speaker)
                for turn in turns
            ],
            centroids=[
                diarizer_pb.SpeakerCentroid(speaker=centroid.speaker, embedding=centroid.embedding)
                for centroid in (centroids if index == len(sections) else ())
            ],
        )


def turns_from_proto(response: diarizer_pb.ClusterResponse) -> tuple[Turn[int], ...]:
    """Convert the turns of a section."""
    return tuple(Turn(turn.start_sample, turn.end_sample, turn.speaker) for turn in response.turns)


def centroids_from_proto(last: diarizer_pb.ClusterResponse) -> tuple[tuple[float, ...], ...]:
    """Return the centroids by speaker number; empty for a speaker without one."""
    known = {centroid.speaker: tuple(centroid.embedding) for centroid in last.centroids}
    return tuple(known.get(speaker, ()) for speaker in range(max(known, default=-1) + 1))
