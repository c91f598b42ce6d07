from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from locution_gateway.live.audio import PcmTranscoder, Resampler, begin_before, decoded, position
from locution_gateway.live.models import LiveEncoding

RATES = (8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000)


def tone(rate: int, seconds: float = 3.0) -> np.ndarray:
    times = np.arange(round(rate * seconds)) / rate
    return (0.4 * np.sin(2 * np.pi * 440 * times) + 0.3 * np.sin(2 * np.pi * 2300 * times)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("piece", [1, 777, 100_000])
def test_a_tone_is_the_same_tone_at_16_khz(rate: int, piece: int) -> None:
    resampler, sound = Resampler(rate), tone(rate, 0.5 if piece == 1 else 3.0)
    found = [resampler.push(sound[at : at + piece]) for at in range(0, len(sound), piece)]
    heard = np.concatenate([*found, resampler.finish()])
    wanted = tone(16_000, len(sound) / rate)
    assert abs(len(heard) - len(wanted)) <= 1
    assert np.abs(heard[400:-400] - wanted[400 : len(heard) - 400]).max() < 1e-3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sample", [0, 512, 16_384, 30_208])
def test_a_stream_that_begins_later_gives_the_same_samples(rate: int, sample: int) -> None:
    sound, whole = tone(rate), Resampler(rate)
    everything = np.concatenate([whole.push(sound), whole.finish()])
    begin = begin_before(sample, rate)
    later = Resampler(rate, begin)
    rest = np.concatenate([later.push(sound[begin:]), later.finish()])
    assert np.array_equal(rest[sample - position(begin, rate) :], everything[sample:])


@pytest.mark.parametrize("encoding", [LiveEncoding.MULAW, LiveEncoding.ALAW])
def test_g711_is_what_ffmpeg_reads(encoding: LiveEncoding) -> None:
    import av

    codec: Any = av.CodecContext.create(f"pcm_{encoding.value.lower()}", "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    (frame,) = codec.decode(av.Packet(bytes(range(256))))
    wanted = frame.to_ndarray().reshape(-1) / 32768.0
    assert np.allclose(decoded(encoding, bytes(range(256))), wanted)


def test_floats_that_are_no_numbers_are_silence() -> None:
    data = np.array([np.nan, np.inf, -np.inf, 0.5], "<f4").tobytes()
    assert decoded(LiveEncoding.PCM_F32LE, data).tolist() == [0.0, 1.0, -1.0, 0.5]


async def test_pcm_at_16_khz_passes_unchanged() -> None:
    audio = np.random.default_rng(0).integers(-32768, 32767, 5000).astype("<i2").tobytes()
    found: list[bytes] = []

    async def sink(pcm: bytes) -> None:
        found.append(pcm)

    transcoder = PcmTranscoder(LiveEncoding.PCM_S16LE, 16_000, sink, 0, 512)
    await transcoder.feed(audio)
    await transcoder.finish()
    assert b"".join(found) == audio[1024:]
