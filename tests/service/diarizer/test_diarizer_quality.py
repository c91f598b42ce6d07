"""Real recordings over gRPC with real models: who spoke when, whole and in sections."""

from __future__ import annotations

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from tests.service.diarizer.client import Heard, cut
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

pytestmark = pytest.mark.asyncio(loop_scope="package")

STOCK_POOLED = 0.3853  # pyannote's own pipeline, step 0.1: the same models, parameters and six recordings


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def heard(shared: Stack) -> Heard:
    """The conversation as one section."""
    return await shared.client.diarize(pcm(conversation()))


@pytest.mark.parametrize("parts", [1, 2, 3])
async def test_a_conversation_in_sections_has_its_two_speakers(shared: Stack, parts: int) -> None:
    audio = pcm(conversation())
    found = annotation(await shared.client.whole(audio, parts))
    assert len(found.labels()) == 2
    assert error_rate(reference(conversation()), found, len(audio)) <= 0.10


async def test_meetings_are_told_apart_as_well_as_by_the_stock_pipeline(shared: Stack) -> None:
    wrong = spoken = 0.0
    for path in [conversation(), *meetings()]:
        audio = pcm(path)
        found = annotation(await shared.client.whole(audio))
        this_wrong, this_spoken = error(reference(path), found, len(audio))
        wrong, spoken = wrong + this_wrong, spoken + this_spoken
    assert wrong / spoken <= STOCK_POOLED + 0.005


async def test_a_section_alone_has_its_local_turns_and_centroids(shared: Stack, heard: Heard) -> None:
    audio, section = pcm(conversation()), heard.section
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
    assert heard.started.model == shared.client.model
    assert heard.started.device == "cpu"


async def test_speakers_are_numbered_by_first_appearance_and_overlap_is_kept(shared: Stack, heard: Heard) -> None:
    turns = (await shared.client.cluster([heard.section])).turns([0])
    assert list(dict.fromkeys(speaker for _, _, speaker in sorted(turns))) == [0, 1]
    overlapped = any(a[0] < b[1] and b[0] < a[1] for a in turns for b in turns if a[2] != b[2])
    assert overlapped


async def test_the_same_input_gives_the_same_answer(shared: Stack, heard: Heard) -> None:
    again = await shared.client.diarize(pcm(conversation()))
    assert again.section == heard.section
    assert await shared.client.cluster([again.section]) == await shared.client.cluster([heard.section])


async def test_hints_are_honoured(shared: Stack, heard: Heard) -> None:
    hints = [
        ({"speaker_count": 1}, 1),
        ({"speaker_count": 3}, 3),
        ({"min_speaker_count": 3}, 3),
        ({"max_speaker_count": 1}, 1),
        ({"min_speaker_count": 1, "max_speaker_count": 4}, 2),
    ]
    joined = [await shared.client.cluster([heard.section], **given) for given, _ in hints]
    assert [len(answer.centroids) for answer in joined] == [expected for _, expected in hints]


async def centroid(shared: Stack, sample: Pcm) -> NDArray[np.float64]:
    """Return the embedding of a sample's one speaker."""
    heard = await shared.client.diarize(sample)
    [only] = (await shared.client.cluster([heard.section], speaker_count=1)).centroids
    return np.array(only.embedding)


async def test_a_centroid_is_nearer_to_itself_than_to_another(shared: Stack) -> None:
    audio = pcm(conversation())
    turns = reference(conversation())
    first, second = (
        np.concatenate([audio[round(s.start * RATE) : round(s.end * RATE)] for s in turns.label_timeline(label)])
        for label in turns.labels()
    )
    (_, (first_early, first_late)), (_, (second_early, _)) = cut(first, 2), cut(second, 2)
    centroids = [await centroid(shared, sample) for sample in (first_early, first_late, second_early)]
    assert centroids[0] @ centroids[1] > 0.5
    assert centroids[0] @ centroids[1] > centroids[0] @ centroids[2] + 0.2
