"""Real recordings over gRPC with real models: who spoke when, whole and in sections."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.service.diarizer.client import cut
from tests.service.diarizer.conftest import Stack
from tests.service.diarizer.recordings import (
    RATE,
    Pcm,
    annotation,
    conversation,
    error,
    error_rate,
    meetings,
    pcm,
    reference,
)

STOCK_POOLED = 0.3853  # pyannote's own pipeline, step 0.1: the same models, parameters and six recordings


@pytest.mark.parametrize("parts", [1, 2, 3])
async def test_a_conversation_in_sections_has_its_two_speakers(stack: Stack, parts: int) -> None:
    audio = pcm(conversation())
    found = annotation(await stack.client.whole(audio, parts))
    assert len(found.labels()) == 2
    assert error_rate(reference(conversation()), found, len(audio)) <= 0.10


async def test_meetings_are_told_apart_as_well_as_by_the_stock_pipeline(stack: Stack) -> None:
    wrong = spoken = 0.0
    for path in [conversation(), *meetings()]:
        audio = pcm(path)
        found = annotation(await stack.client.whole(audio))
        this_wrong, this_spoken = error(reference(path), found, len(audio))
        wrong, spoken = wrong + this_wrong, spoken + this_spoken
    assert wrong / spoken <= STOCK_POOLED + 0.005


async def test_a_section_alone_has_its_local_turns_and_centroids(stack: Stack) -> None:
    audio = pcm(conversation())
    heard = await stack.client.diarize(audio)
    section = heard.section
    found = annotation((turn.start_sample, turn.end_sample, turn.speaker_id) for turn in section.turns)
    assert error_rate(reference(conversation()), found, len(audio)) <= 0.10
    assert [speaker.id for speaker in section.speakers] == [0, 1]
    for speaker in section.speakers:
        assert np.linalg.norm(speaker.embedding) == pytest.approx(1.0, abs=1e-3)
        assert speaker.speech_sample_count > 3 * RATE
    assert section.sample_count == len(audio)
    assert len(section.state) < 20_000
    assert heard.progress == sorted(heard.progress)
    assert heard.progress[-1] == len(audio)
    assert heard.done.timings.windows == 9
    assert heard.done.timings.mean_batch_size >= 1
    assert heard.started.model == stack.client.model
    assert heard.started.device == "cpu"


async def test_speakers_are_numbered_by_first_appearance_and_overlap_is_kept(stack: Stack) -> None:
    turns = await stack.client.whole(pcm(conversation()))
    assert list(dict.fromkeys(speaker for _, _, speaker in sorted(turns))) == [0, 1]
    overlapped = any(a[0] < b[1] and b[0] < a[1] for a in turns for b in turns if a[2] != b[2])
    assert overlapped


async def test_the_same_input_gives_the_same_answer(stack: Stack) -> None:
    audio = pcm(conversation())
    first, second = await stack.client.diarize(audio), await stack.client.diarize(audio)
    assert first.section == second.section
    assert await stack.client.cluster([first.section]) == await stack.client.cluster([second.section])


async def test_hints_are_honoured(stack: Stack) -> None:
    heard = await stack.client.diarize(pcm(conversation()))
    hints = [
        ({"speaker_count": 1}, 1),
        ({"speaker_count": 3}, 3),
        ({"min_speaker_count": 3}, 3),
        ({"max_speaker_count": 1}, 1),
        ({"min_speaker_count": 1, "max_speaker_count": 4}, 2),
    ]
    joined = [await stack.client.cluster([heard.section], **given) for given, _ in hints]
    assert [len(answer.centroids) for answer in joined] == [expected for _, expected in hints]


async def centroid(stack: Stack, sample: Pcm) -> NDArray[np.float64]:
    """Return the embedding of a sample's one speaker."""
    heard = await stack.client.diarize(sample)
    [only] = (await stack.client.cluster([heard.section], speaker_count=1)).centroids
    return np.array(only.embedding)


async def test_a_centroid_is_nearer_to_itself_than_to_another(stack: Stack) -> None:
    audio = pcm(conversation())
    turns = reference(conversation())
    first, second = (
        np.concatenate([audio[round(s.start * RATE) : round(s.end * RATE)] for s in turns.label_timeline(label)])
        for label in turns.labels()
    )
    (_, (first_early, first_late)), (_, (second_early, _)) = cut(first, 2), cut(second, 2)
    centroids = [await centroid(stack, sample) for sample in (first_early, first_late, second_early)]
    assert centroids[0] @ centroids[1] > 0.5
    assert centroids[0] @ centroids[1] > centroids[0] @ centroids[2] + 0.2
