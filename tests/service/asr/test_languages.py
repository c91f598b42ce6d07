"""A file in which the language changes: each segment has its window's, and the report sums them up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from jiwer import wer
from locution.engine.v1 import asr_service_pb2 as pb

from tests.service.asr.client import RATE, start
from tests.service.asr.conftest import Stack
from tests.service.asr.recordings import normal, pcm, reference
from tests.service.asr.test_transcribe import assert_whole
from tests.support.testdata import recording

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAUSE = np.zeros(2 * RATE, np.int16)
SPOKEN = {"en": ("fleurs-en-005", "ogg"), "de": ("fleurs-de-005", "ogg"), "fr": ("leopard_test_fr", "wav")}


async def test_a_file_that_changes_its_language_at_pauses_reports_each(shared: Stack) -> None:
    parts = {language: pcm(recording(f"{name}.{kind}")) for language, (name, kind) in SPOKEN.items()}
    audio = np.concatenate([sound for part in parts.values() for sound in (part, PAUSE)])
    fast: dict[str, Any] = {
        "decode_preference": pb.DECODE_PREFERENCE_FAST_UNQUALIFIED,
        "min_encoder_input": timedelta(seconds=7.5),
    }
    wanted = start("whisper/base", word_times=False, **fast)
    result = await shared.client.transcribe(audio, wanted)
    assert_whole(result, len(audio))
    assert all(0 < segment.language_probability <= 1 for segment in result.segments)
    at = 0
    for language, part in parts.items():
        within = [s for s in result.segments if at <= (s.start_sample + s.end_sample) // 2 < at + len(part)]
        assert {segment.language for segment in within} == {language}
        said = reference(f"{SPOKEN[language][0]}.txt")
        assert wer(normal(said), normal(" ".join(segment.text for segment in within))) < 0.3
        at += len(part) + len(PAUSE)


async def test_a_language_that_changes_within_a_window_is_followed(shared: Stack) -> None:
    """Half a second between the two: one window holds both."""
    parts = {language: pcm(recording(f"fleurs-{language}-003.ogg")) for language in ("de", "en", "fr")}
    loud = {name: (part / np.abs(part).max() * 9000).astype(np.int16) for name, part in parts.items()}
    audio = np.concatenate([sound for part in loud.values() for sound in (part, PAUSE[: RATE // 2])])
    result = await shared.client.transcribe(audio, start("whisper/base"))
    first = 0
    for language, part in parts.items():
        middle = [(s.start_sample + s.end_sample) // 2 for s in result.segments]
        within = [s for s, at in zip(result.segments, middle, strict=True) if first <= at < first + len(part)]
        assert {segment.language for segment in within} == {language}
        first += len(part) + RATE // 2


async def test_a_told_language_is_everyones(shared: Stack) -> None:
    result = await shared.client.transcribe(
        pcm(recording("fleurs-de-005.ogg")), start("whisper/base", language="de", word_times=False)
    )
    assert {segment.language for segment in result.segments} == {"de"}
    assert not any(segment.HasField("language_probability") for segment in result.segments)
