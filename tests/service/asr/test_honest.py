"""Where nobody speaks there are no words, and where somebody does there are, whichever way the model decodes."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from jiwer import wer
from locution.engine.v1 import asr_service_pb2 as pb
from numpy.typing import NDArray

from tests.service.asr.client import RATE, start
from tests.service.asr.conftest import Stack
from tests.service.asr.recordings import normal, pcm, reference
from tests.service.asr.test_transcribe import assert_whole
from tests.support.testdata import recording

pytestmark = pytest.mark.asyncio(loop_scope="package")

MADE = ("digital silence", "tones", "music", "fan noise")
RECORDED = ("silence_8s.wav", "noise_dishes.wav")


@pytest.mark.parametrize("preference", [pb.DECODE_PREFERENCE_ACCURATE, pb.DECODE_PREFERENCE_FAST_UNQUALIFIED])
@pytest.mark.parametrize("model", ["whisper/tiny.en", "whisper/base"])
async def test_nothing_said_gives_no_words(
    shared: Stack, model: str, preference: pb.DecodePreference.ValueType
) -> None:
    from tests.bench.recipes import made_without_words

    made = made_without_words(15.0)
    sounds = {name: made[name] for name in MADE} | {name: pcm(recording(name))[: 30 * RATE] for name in RECORDED}
    wanted = [start(model, decode_preference=preference, flow=name) for name in sounds]
    results = await asyncio.gather(*map(shared.client.transcribe, sounds.values(), wanted))
    for (name, sound), result in zip(sounds.items(), results, strict=True):
        assert result.text == "", name
        assert_whole(result, len(sound))
        assert {span.outcome for span in result.done.coverage} <= {
            pb.AsrCoverageSpan.OUTCOME_NO_SPEECH,
            pb.AsrCoverageSpan.OUTCOME_DROPPED,
        }
        assert result.done.text_speech_sample_count == 0


async def test_the_share_of_speech_that_gave_text_is_told(shared: Stack) -> None:
    result = await shared.client.transcribe(pcm(recording("jfk.wav")))
    assert result.done.HasField("text_speech_sample_count")
    assert 6 * RATE < result.done.text_speech_sample_count <= result.done.speech_sample_count


Wave = NDArray[np.float64]


def at(decibels: float, wave: NDArray[np.int16]) -> Wave:
    """Return audio at a level in dB relative to full scale, in 16-bit units."""
    loudness = np.sqrt(np.mean(wave.astype(np.float64) ** 2))
    scaled: Wave = wave / loudness * 10 ** (decibels / 20) * 32768
    return scaled


def as_pcm(wave: Wave) -> NDArray[np.int16]:
    clipped: NDArray[np.int16] = np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
    return clipped


def rumble(length: int, decibels: float) -> Wave:
    """A sine of 20 Hz, as of wind or a passing train."""
    wave: Wave = np.sqrt(2) * 10 ** (decibels / 20) * 32768 * np.sin(2 * np.pi * 20 * np.arange(length) / RATE)
    return wave


@pytest.mark.parametrize("preference", [pb.DECODE_PREFERENCE_ACCURATE, pb.DECODE_PREFERENCE_FAST_UNQUALIFIED])
async def test_speech_under_an_offset_or_rumble_is_heard(
    shared: Stack, preference: pb.DecodePreference.ValueType
) -> None:
    speech = pcm(recording("jfk.wav"))
    sounds = {
        "offset": at(-40, speech) + 0.3 * 32768,
        "rumble": at(-40, speech) + rumble(len(speech), -12),
        "quiet": at(-60, speech),
        "clipped": np.clip(at(0, speech) * 1.5, -16384, 16384),
    }
    wanted = [start("whisper/base", language="en", decode_preference=preference, flow=kind) for kind in sounds]
    results = await asyncio.gather(*map(shared.client.transcribe, map(as_pcm, sounds.values()), wanted))
    errors = {
        kind: wer(normal(reference("jfk.txt")), normal(result.text))
        for kind, result in zip(sounds, results, strict=True)
    }
    assert max(errors.values()) < 0.2, errors


async def test_quiet_speech_after_loud_speech_is_heard(shared: Stack) -> None:
    """The detector alone hears not one second of the quiet recording."""
    loud, quiet = at(-16, pcm(recording("leopard_test.wav"))), at(-46, pcm(recording("cold_corpus.wav")))
    result = await shared.client.transcribe(as_pcm(np.concatenate([loud, quiet])), start("whisper/base", language="en"))
    said = f"{reference('leopard_test.txt')} {reference('cold_corpus.txt')}"
    assert wer(normal(said), normal(result.text)) < 0.2


@pytest.mark.parametrize("preference", [pb.DECODE_PREFERENCE_ACCURATE, pb.DECODE_PREFERENCE_FAST_UNQUALIFIED])
async def test_speech_that_the_detector_rejects_is_heard_a_second_time(
    shared: Stack, preference: pb.DecodePreference.ValueType
) -> None:
    """Under music of 5 dB more the detector rejects the first words, and the model reads them."""
    from tests.bench.recipes import made_without_words

    speech = pcm(recording("jfk.wav"))
    music = np.resize(made_without_words()["music"], len(speech))
    wanted = start("whisper/base", language="en", decode_preference=preference)
    result = await shared.client.transcribe(as_pcm(at(-25, speech) + at(-20, music)), wanted)
    assert "my fellow americans" in normal(result.text)
    assert_whole(result, len(speech))


@pytest.mark.parametrize("preference", [pb.DECODE_PREFERENCE_ACCURATE, pb.DECODE_PREFERENCE_FAST_UNQUALIFIED])
async def test_loud_noise_beside_speech_gives_no_words(
    shared: Stack, preference: pb.DecodePreference.ValueType
) -> None:
    from tests.bench.recipes import made_without_words

    speech = at(-25, pcm(recording("jfk.wav")))
    noises = [at(-22, made_without_words(12.0)["music"]), at(-22, pcm(recording("noise_dishes.wav"))[: 12 * RATE])]
    sounds = [as_pcm(np.concatenate([noise, speech, noise])) for noise in noises]
    wanted = [start("whisper/base", language="en", decode_preference=preference, flow=f"{n}") for n in range(2)]
    for result in await asyncio.gather(*map(shared.client.transcribe, sounds, wanted)):
        spoken = (12 * RATE - RATE // 2, 12 * RATE + len(speech) + RATE // 2)
        assert all(spoken[0] < each.start_sample < each.end_sample < spoken[1] for each in result.segments)
        assert wer(normal(reference("jfk.txt")), normal(result.text)) < 0.2


async def test_half_a_minute_of_noise_does_not_hide_the_speech_after_it(shared: Stack) -> None:
    """The detector alone hears nothing of the first five seconds after it."""
    noise = at(-28, pcm(recording("noise_dishes.wav"))[: 30 * RATE])
    sound = as_pcm(np.concatenate([noise, at(-25, pcm(recording("jfk.wav")))]))
    result = await shared.client.transcribe(sound, start("whisper/base", language="en"))
    assert result.segments[0].start_sample < 31 * RATE
    assert wer(normal(reference("jfk.txt")), normal(result.text)) < 0.2
