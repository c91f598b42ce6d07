"""Every wanted container decodes whole, and says so when its end is missing."""

from __future__ import annotations

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeSpec, WarningReason

from tests.data import media_files as files
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

SECONDS = 10
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}
CONTAINERS = [
    ("wav", "pcm_s16le", 44_100, {}),
    ("wav", "pcm_mulaw", 44_100, {}),
    ("wav", "adpcm_ms", 44_100, {}),
    ("w64", "pcm_s16le", 44_100, {}),
    ("flac", "flac", 44_100, {}),
    ("mp3", "libmp3lame", 44_100, {}),
    ("mp2", "mp2", 44_100, {}),
    ("adts", "aac", 44_100, {}),
    ("ogg", "libopus", 48_000, {}),
    ("ogg", "flac", 44_100, {}),
    ("webm", "libopus", 48_000, {}),
    ("matroska", "ac3", 48_000, {}),
    ("matroska", "flac", 44_100, {}),
    ("mp4", "aac", 44_100, FRAGMENTED),
    ("aiff", "pcm_s16be", 44_100, {}),
    ("au", "pcm_s16be", 44_100, {}),
    ("caf", "pcm_s16le", 44_100, {}),
    ("wv", "wavpack", 44_100, {}),
    ("avi", "libmp3lame", 44_100, {}),
    ("flv", "aac", 44_100, {}),
    ("mpegts", "aac", 44_100, {}),
    ("mpegts", "mp2", 44_100, {}),
]
INDEX_AT_THE_END = [("mp4", "aac"), ("mov", "pcm_s16le"), ("ipod", "alac"), ("3gp", "aac"), ("caf", "alac")]


def media(container: str, codec: str, rate: int, options: dict[str, str]) -> bytes:
    channels = [files.tone(SECONDS, rate, 440), files.tone(SECONDS, rate, 440)]
    return files.encode(container, codec, channels, rate, **options)


def assert_tone(pcm: bytes) -> None:
    """Check that a second within is the tone at its level."""
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm, "<i2")[32_000:48_000].astype(float))) / 8000
    assert int(np.argmax(spectrum)) == 440
    assert spectrum[440] == pytest.approx(0.3 * 32_768, rel=0.1)


@pytest.mark.parametrize(("container", "codec", "rate", "options"), CONTAINERS)
async def test_a_container_decodes_and_its_cut_half_warns(
    container: str, codec: str, rate: int, options: dict[str, str]
) -> None:
    data, sink = media(container, codec, rate, options), Kept()
    report = await decode(pieces(data), DecodeSpec(), sink)
    assert report.seconds == pytest.approx(SECONDS, abs=0.06)
    assert report.warnings == ()
    assert_tone(bytes(sink.pcm))
    half = Kept()
    cut = await decode(pieces(data[: len(data) * 6 // 10 + 3]), DecodeSpec(), half)
    assert 4.5 < cut.seconds < 7
    assert [(warning.reason, warning.offset) for warning in cut.warnings] == [
        (WarningReason.MEDIA_TRUNCATED, len(half.pcm) // 2)
    ]
    assert_tone(bytes(half.pcm))


@pytest.mark.parametrize(("container", "codec"), INDEX_AT_THE_END)
async def test_an_index_at_the_end_is_found(container: str, codec: str) -> None:
    data, sink = media(container, codec, 44_100, {}), Kept()
    report = await decode(pieces(data), DecodeSpec(), sink)
    assert report.seconds == pytest.approx(SECONDS, abs=0.06)
    assert report.warnings == ()
    assert_tone(bytes(sink.pcm))
    with refusal(Reason.MEDIA_CORRUPT):
        await decode(pieces(data[: len(data) // 2]), DecodeSpec(), Kept())


async def test_damage_in_the_middle_is_counted() -> None:
    data = bytearray(media("adts", "aac", 44_100, {}))
    at = data.index(b"\xff\xf1", len(data) // 2)
    data[at + 7 : at + 200] = b"\xff" * 193
    report = await decode(pieces(bytes(data)), DecodeSpec(), Kept())
    assert [warning.reason for warning in report.warnings] == [WarningReason.MEDIA_DAMAGED]
    assert 4 < report.warnings[0].offset / 16_000 < 6


async def test_a_wave_of_unknown_length_is_whole() -> None:
    pcm = (files.tone(3) * 32_767).astype("<i2").tobytes()
    for placeholder in (0, 0xFFFF_FFFF):
        sink = Kept()
        report = await decode(pieces(files.wave(pcm, data_size=placeholder)), DecodeSpec(), sink)
        assert bytes(sink.pcm) == pcm
        assert report.warnings == ()


async def test_a_rate_that_changes_midway_is_followed() -> None:
    first, second = (files.encode("mp3", "libmp3lame", [files.tone(4, rate)], rate) for rate in (44_100, 22_050))
    sink = Kept()
    report = await decode(pieces(first + second), DecodeSpec(), sink)
    assert report.seconds == pytest.approx(8, abs=0.2)
    assert_tone(bytes(sink.pcm))
    assert_tone(bytes(sink.pcm[-2 * 80_000 :]))
