"""Every wanted container decodes whole, and says so when its end is missing."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeSpec, WarningReason

from tests.data import media_files as files
from tests.media import matrix
from tests.service.gateway.media import places
from tests.service.gateway.media.places import TONE_SECONDS, assert_tone, toned
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

# Kinds whose cut ends test_media_ends does not test; tests/media has all.
CONTAINERS = matrix.chosen(
    matrix.CUT,
    ("wav", "adpcm_ms"),
    ("mp2", "mp2"),
    ("adts", "aac"),
    ("ogg", "libopus"),
    ("webm", "libopus"),
    ("mp4", "aac"),
    ("mpegts", "mp2"),
)
INDEX_AT_THE_END = [("mp4", "aac"), ("mov", "pcm_s16le"), ("ipod", "alac"), ("3gp", "aac"), ("caf", "alac")]


@pytest.mark.parametrize(("container", "codec", "rate", "options"), CONTAINERS, ids=places.name)
async def test_a_container_decodes_and_its_cut_half_warns(
    container: str, codec: str, rate: int, options: dict[str, str]
) -> None:
    await places.assert_whole_and_its_cut_half_warns(toned(container, codec, rate, options))


@pytest.mark.parametrize(("container", "codec"), INDEX_AT_THE_END)
async def test_an_index_at_the_end_is_found(container: str, codec: str) -> None:
    data, sink = toned(container, codec, 44_100, {}), Kept()
    report = await decode(pieces(data), DecodeSpec(), sink)
    assert report.seconds == pytest.approx(TONE_SECONDS, abs=0.06)
    assert report.warnings == ()
    assert_tone(bytes(sink.pcm))
    with refusal(Reason.MEDIA_CORRUPT):
        await decode(pieces(data[: len(data) // 2]), DecodeSpec(), Kept())


async def test_damage_in_the_middle_is_counted() -> None:
    data = bytearray(toned("adts", "aac", 44_100, {}))
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
