"""A file in which the language changes: each segment has its window's, and the report sums them up."""

from __future__ import annotations

import numpy as np
import pytest

from tests.service.asr.client import RATE, start
from tests.service.asr.conftest import Stack
from tests.service.asr.recordings import pcm, recording
from tests.service.asr.test_transcribe import assert_whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONGER_THAN_A_WINDOW = 31 * RATE


async def test_a_file_that_changes_its_language_reports_both(shared: Stack) -> None:
    english = pcm(recording("address.mp3"))[:LONGER_THAN_A_WINDOW]
    german = pcm(recording("simplicissimus_de.mp3"))[20 * RATE :][:LONGER_THAN_A_WINDOW]
    audio = np.concatenate([english, german])
    result = await shared.client.transcribe(audio, start("whisper/base", word_times=False))
    assert_whole(result, len(audio))
    assert [result.segments[0].language, result.segments[-1].language] == ["en", "de"]
    assert {segment.language for segment in result.segments} == {"en", "de"}
    assert all(0 < segment.language_probability <= 1 for segment in result.segments)
    before = [segment for segment in result.segments if segment.language == "en"]
    assert all(segment.start_sample < len(english) for segment in before)


async def test_a_told_language_is_everyones(shared: Stack) -> None:
    result = await shared.client.transcribe(
        pcm(recording("fleurs-de-000.ogg")), start("whisper/base", language="de", word_times=False)
    )
    assert {segment.language for segment in result.segments} == {"de"}
    assert not any(segment.HasField("language_probability") for segment in result.segments)
