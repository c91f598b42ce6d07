"""Recordings whose channels do not simply add up are decoded with their sound, and the report says what was done."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from locution_gateway.media.decode import decode
from locution_gateway.media.models import ChannelMode, DecodeSpec, WarningReason

from tests.data import media_files as files
from tests.service.gateway.media.support import Dropped, Kept, pieces

SPEECH = files.tone(5, hertz=440)


def pcm(*channels: npt.NDArray[np.float32]) -> bytes:
    return (np.stack(channels, axis=1) * 32_767).astype("<i2").tobytes()


def level(data: bytes | bytearray) -> float:
    return float(np.sqrt((np.frombuffer(data, "<i2").astype(float) ** 2).mean()) * 2**0.5 / 32_768)


@pytest.mark.parametrize("gain", [1.0, 0.89])
async def test_antiphase_stereo_is_heard_and_warned_of(gain: float) -> None:
    sink = Kept()
    report = await decode(pieces(files.wave(pcm(SPEECH, -SPEECH * gain), channels=2)), DecodeSpec(), sink)
    assert level(sink.pcm) == pytest.approx(0.3, rel=0.01)
    assert [(w.reason, w.offset, w.count) for w in report.warnings] == [(WarningReason.CHANNELS_CANCEL, 0, 5)]


async def test_antiphase_channels_apart_are_no_matter() -> None:
    data = files.wave(pcm(SPEECH, -SPEECH), channels=2)
    assert (await decode(pieces(data), DecodeSpec(channels=ChannelMode.SEPARATE), Kept())).warnings == ()


async def test_the_warning_says_where_it_begins() -> None:
    right = SPEECH.copy()
    right[3 * files.RATE :] *= -1
    media = files.encode("flac", "flac", [SPEECH, right], files.RATE)
    report = await decode(pieces(media), DecodeSpec(), Kept())
    assert [(w.reason, w.offset, w.count) for w in report.warnings] == [
        (WarningReason.CHANNELS_CANCEL, 3 * files.RATE, 2)
    ]


async def test_a_dead_channel_does_not_halve_the_level() -> None:
    sink = Kept()
    report = await decode(pieces(files.wave(pcm(SPEECH, SPEECH * 0), channels=2)), DecodeSpec(), sink)
    assert level(sink.pcm) == pytest.approx(0.3, rel=0.01)
    assert report.warnings == ()


@pytest.mark.parametrize(("container", "codec"), [("ac3", "ac3"), ("mp4", "aac"), ("wav", "pcm_s16le")])
async def test_a_film_that_speaks_in_its_centre_keeps_its_level(container: str, codec: str) -> None:
    silence, speech, sink = np.zeros(5 * 48_000, np.float32), files.tone(5, 48_000), Kept()
    channels = [silence, silence, speech, silence, silence, silence]
    await decode(pieces(files.encode(container, codec, channels, 48_000)), DecodeSpec(), sink)
    assert level(sink.pcm[32_000:-32_000]) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("count", [3, 9, 11, 13, 15, 17, 24, 33, 48, 64])
async def test_good_waves_of_any_number_of_channels_are_mixed(count: int) -> None:
    tones = [files.tone(2, hertz=200.0 + 10 * number) for number in range(count)]
    sink = Kept()
    report = await decode(pieces(files.wave(pcm(*tones), channels=count)), DecodeSpec(), sink)
    assert report.opening.source_channels == count
    expected = np.frombuffer(pcm(*tones), "<i2").reshape(-1, count).mean(axis=1)
    assert np.abs(np.frombuffer(sink.pcm, "<i2") - expected).max() <= 1


@pytest.mark.timeout(120)
async def test_twenty_minutes_that_cancel_need_no_more_memory_than_a_minute() -> None:
    minute = pcm(np.tile(SPEECH, 12), -np.tile(SPEECH, 12))

    def media(minutes: int) -> Iterator[bytes]:
        yield files.wave(b"", channels=2, data_size=len(minute) * minutes)
        for _ in range(minutes):
            yield minute

    short = await decode(pieces(media(1)), DecodeSpec(), Dropped())
    long = await decode(pieces(media(20)), DecodeSpec(), Dropped())
    assert long.seconds == 1200
    assert [warning.count for warning in long.warnings] == [1200]
    assert long.peak_memory_bytes < 1.1 * short.peak_memory_bytes
    assert long.cpu_seconds < 20


async def test_noise_as_floats_of_many_channels_ends_as_audio() -> None:
    """Samples that are no numbers, in windows where everything is judged."""
    values = np.full((2 * files.RATE, 9), np.nan, "<f4")
    header = struct.pack("<HHIIHH", 3, 9, files.RATE, files.RATE * 36, 36, 32)
    body = values.tobytes()
    data = b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt \x10\0\0\0" + header + b"data"
    report = await decode(pieces(data + struct.pack("<I", len(body)) + body), DecodeSpec(), Dropped())
    assert report.seconds == 2
