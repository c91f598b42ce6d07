"""Times are those at which a player plays the sound, whatever the timestamps of a container look like."""

from __future__ import annotations

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeSpec

from tests.data import media_files as files
from tests.data.bursts import SECONDS, STARTS, bursts
from tests.data.quirky_media import hole, mux
from tests.media import matrix
from tests.media.matrix import FRAGMENTED, chosen
from tests.service.gateway.media.places import heard, sent
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

LIVE = {"live": "1"}
# A row of each demuxer; tests/media has all.
WITH_VIDEO = chosen(
    matrix.WITH_VIDEO,
    ("matroska", "libopus"),
    ("mp4", "aac"),
    ("flv", "libmp3lame"),
    ("mpegts", "mp2"),
    ("mpeg", "mp2"),
    ("asf", "wmav2"),
)
SMALL_HOLES = [("matroska", "pcm_s16le"), ("mp4", "aac"), ("mpegts", "libopus"), ("ogg", "libopus")]
HOLES = [
    *((*row, 7.3) for row in chosen(matrix.WITH_HOLES, *WITH_VIDEO, ("ogg", "libopus"))),
    *((*row, 0.12) for row in chosen(matrix.WITH_HOLES, *SMALL_HOLES)),
]


@pytest.mark.parametrize(("container", "codec"), WITH_VIDEO)
async def test_sound_that_starts_behind_the_picture_is_late(container: str, codec: str) -> None:
    data = mux(container, [sent(codec, start=4.9)], video=12)
    await heard(data, [start + 4.9 for start in STARTS], 12)


@pytest.mark.parametrize(("container", "codec", "seconds"), HOLES)
async def test_a_hole_is_silence(container: str, codec: str, seconds: float) -> None:
    data = mux(container, [sent(codec, shift=hole(3.5, seconds))])
    await heard(data, [1.0, 2.5, 4.2 + seconds], SECONDS + seconds)


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov"])
async def test_sound_alone_starts_where_the_stated_length_lets_it_start(container: str) -> None:
    await heard(mux(container, [sent("aac", start=4.9)]), np.add(STARTS, 4.9), 10.9)


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [("mpegts", "aac", {}), ("ogg", "libopus", {}), ("matroska", "libopus", LIVE), ("mp4", "aac", FRAGMENTED)],
)
async def test_a_clock_that_shows_another_hour_starts_with_the_recording(
    container: str, codec: str, options: dict[str, str]
) -> None:
    await heard(mux(container, [sent(codec, start=7 * 3600)], options=options), STARTS, SECONDS)


@pytest.mark.parametrize("first", [95_440, 95_441, 95_439.5])
async def test_a_clock_that_wraps_goes_on(first: float) -> None:
    """A clock of 33 bits at 90 kHz wraps after 95443.7 s."""
    data = mux("mpegts", [sent("mp2", start=first)], video=6, video_start=first)
    await heard(data, STARTS, SECONDS)


async def test_a_clock_that_begins_again_goes_on() -> None:
    data = mux("mpegts", [sent("mp2")], video=6)
    await heard(data + data, [*STARTS, *np.add(STARTS, SECONDS)], 2 * SECONDS)


async def test_a_fragmented_mp4_starts_late_too() -> None:
    await heard(mux("mp4", [sent("aac", start=4.9)], video=12, options=FRAGMENTED), np.add(STARTS, 4.9), 12)


async def test_rounded_times_change_nothing() -> None:
    data = mux("matroska", [sent("pcm_s16le", shift=lambda time: 0.03 * (int(time * 7) % 2))])
    await heard(data, STARTS, SECONDS)


async def test_clocks_that_drift_are_followed() -> None:
    await heard(mux("matroska", [sent("libopus", shift=lambda time: 0.02 * time)]), np.multiply(STARTS, 1.02))
    await heard(mux("matroska", [sent("libopus", shift=lambda time: -0.02 * time)]), np.multiply(STARTS, 0.98))


async def test_a_hole_of_days_is_refused() -> None:
    with refusal(Reason.MEDIA_TOO_LONG):
        await decode(pieces(mux("matroska", [sent("aac", shift=hole(3.5, 3 * 86_400))])), DecodeSpec(), Kept())


@pytest.mark.parametrize(("container", "codec"), chosen(matrix.OUTLASTED, *WITH_VIDEO, ("avi", "libmp3lame")))
async def test_a_picture_that_outlasts_the_sound_is_part_of_the_recording(container: str, codec: str) -> None:
    await heard(mux(container, [sent(codec)], video=20), STARTS, 20)


async def test_a_length_that_no_packet_reaches_is_not_filled() -> None:
    data = bytearray(mux("matroska", [sent("aac")], video=8))
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = np.array([3.6e6], ">f8").tobytes()
    report = await decode(pieces(bytes(data)), DecodeSpec(), Kept())
    assert report.seconds == pytest.approx(8, abs=0.1)
    assert [warning.reason for warning in report.warnings] == ["MEDIA_TRUNCATED"]


async def test_a_whole_file_and_a_stream_give_the_same_times() -> None:
    """An index behind the data is read from a file, in which pictures are not read."""
    tracks = [sent("aac", start=2.0, shift=hole(3.5, 3.0))]
    expected, seconds = [3.0, 4.5, 4.2 + 5.0], 15
    await heard(mux("mp4", tracks, video=15), expected, seconds)
    await heard(mux("mp4", tracks, video=15, options=FRAGMENTED), expected, seconds)


@pytest.mark.parametrize(("codec", "rate"), [("libopus", 48_000), ("flac", 44_100), ("flac", 8_000)])
async def test_links_of_an_ogg_follow_each_other(codec: str, rate: int) -> None:
    one = files.encode("ogg", "libopus", [bursts(48_000)], 48_000)
    other = files.encode("ogg", codec, [bursts(rate)] * 2, rate)
    await heard(one + other + one, [*STARTS, *np.add(STARTS, 6), *np.add(STARTS, 12)], 18)
