"""Of several audio tracks the right one is decoded, or those that were asked for; the report describes all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.stream import Disposition
from locution_common.errors import Reason
from locution_gateway.media.containers import CODECS
from locution_gateway.media.decode import decode
from locution_gateway.media.models import AudioTrack, ChannelMode, DecodeReport, DecodeSpec

from tests.data import media_files as files
from tests.data.bursts import SECONDS, STARTS, TOLERANCE, bursts, starts
from tests.data.quirky_media import Sent, mux
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

RATE = 48_000
MARKS = bursts(RATE)
OTHER = files.tone(SECONDS, RATE, 300, 0.2)
QUIET = (np.random.default_rng(2).standard_normal(len(MARKS)) * 10 ** (-50 / 20)).astype(np.float32)
GERMAN = ("de", "deu", "ger")
CONTAINERS = ["matroska", "mp4", "mpegts"]


def sent(sound: npt.NDArray[np.float32], **how: Any) -> Sent:
    return Sent(sound, RATE, "aac", **how)


async def decoded(data: bytes, **how: Any) -> tuple[DecodeReport, Kept]:
    sink = Kept()
    report = await decode(pieces(data), DecodeSpec(**how), sink, size=len(data))
    return report, sink


async def assert_marks_are_taken(data: bytes, used: int, **how: Any) -> DecodeReport:
    report, sink = await decoded(data, **how)
    assert [number for number, track in enumerate(report.media.tracks) if track.used] == [used]
    assert starts(sink.pcm) == pytest.approx(list(STARTS), abs=TOLERANCE)
    assert report.warnings == ()
    return report


async def test_the_default_track_is_taken() -> None:
    data = mux("matroska", [sent(OTHER, default=False), sent(MARKS, default=True)])
    await assert_marks_are_taken(data, 1)


async def test_without_a_default_the_first_is_taken() -> None:
    await assert_marks_are_taken(mux("mpegts", [sent(MARKS), sent(OTHER)]), 0)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("quiet", [QUIET, QUIET * 0], ids=["hiss", "silence"])
async def test_a_quiet_default_gives_way_to_sound(container: str, quiet: npt.NDArray[np.float32]) -> None:
    data = mux(container, [sent(quiet, default=True), sent(MARKS, default=False)])
    await assert_marks_are_taken(data, 1)


async def test_the_language_of_the_job_comes_before_the_default() -> None:
    data = mux("matroska", [sent(OTHER, language="eng", default=True), sent(MARKS, language="ger", default=False)])
    await assert_marks_are_taken(data, 1, languages=GERMAN)
    report, _ = await decoded(data, languages=("fr", "fra", "fre"))
    assert [track.used for track in report.media.tracks] == [True, False]


async def test_a_commentary_comes_last() -> None:
    comment = Disposition.comment | Disposition.default
    data = mux("matroska", [sent(OTHER, disposition=comment), sent(MARKS, disposition=Disposition.default)])
    await assert_marks_are_taken(data, 1)


@pytest.mark.parametrize("container", CONTAINERS)
async def test_a_track_is_taken_by_its_number(container: str) -> None:
    await assert_marks_are_taken(mux(container, [sent(OTHER), sent(QUIET), sent(MARKS)]), 2, track="2")


@pytest.mark.parametrize("container", CONTAINERS)
async def test_a_track_is_taken_by_its_language(container: str) -> None:
    data = mux(container, [sent(OTHER, language="eng"), sent(MARKS, language="ger")])
    await assert_marks_are_taken(data, 1, track="de", languages=GERMAN)


@pytest.mark.parametrize(
    ("track", "languages", "what"),
    [
        ("2", (), "no audio track 2: it has 2 audio tracks$"),
        ("99", (), "no audio track 99"),
        ("fr", ("fr", "fra", "fre"), "no audio track in fr$"),
        ("xx", (), "no audio track in xx$"),
    ],
)
async def test_a_track_that_is_missing_is_refused_by_its_field(
    track: str, languages: tuple[str, ...], what: str
) -> None:
    data = mux("matroska", [sent(OTHER, language="eng"), sent(MARKS, language="ger")])
    with refusal(Reason.INVALID_REQUEST, match=what) as caught:
        await decoded(data, track=track, languages=languages)
    assert [violation.field for violation in caught.value.violations] == ["config.track"]


@pytest.mark.parametrize("container", CONTAINERS)
async def test_all_tracks_are_channels_each_in_its_time(container: str) -> None:
    stereo = np.stack([OTHER, OTHER])
    tracks = [sent(MARKS), Sent(np.append(OTHER, OTHER), RATE, "aac"), sent(MARKS, start=2.0), sent(stereo)]
    report, sink = await decoded(mux(container, tracks), track="all", channels=ChannelMode.SEPARATE)
    assert report.opening.channels == 4
    assert report.seconds == pytest.approx(2 * SECONDS, abs=0.1)
    heard = np.frombuffer(sink.pcm, "<i2").reshape(-1, 4)
    assert len(heard) == report.samples
    assert starts(heard[:, 0].tobytes()) == pytest.approx(list(STARTS), abs=TOLERANCE)
    assert starts(heard[:, 2].tobytes()) == pytest.approx([start + 2 for start in STARTS], abs=TOLERANCE)
    level = np.sqrt((heard[16_000:80_000].astype(float) ** 2).mean(axis=0)) / 32_768 * 2**0.5
    assert level[[1, 3]] == pytest.approx(0.2, abs=0.02)
    assert [track.used for track in report.media.tracks] == [True] * 4


async def test_a_track_that_ends_early_holds_no_other_in_memory() -> None:
    sound = bursts(files.RATE)

    async def peak(times: int) -> int:
        tracks = [Sent(each, files.RATE, "pcm_s16le") for each in (sound, np.tile(sound, times))]
        report, _ = await decoded(mux("matroska", tracks), track="all", channels=ChannelMode.SEPARATE)
        assert report.seconds == SECONDS * times
        return report.peak_memory_bytes

    assert await peak(100) < await peak(20) * 1.1


async def test_more_tracks_than_channels_may_be_are_refused() -> None:
    with refusal(Reason.MEDIA_TOO_COMPLEX, match="9 audio tracks"):
        await decoded(mux("matroska", [sent(MARKS[:RATE])] * 9), track="all", channels=ChannelMode.SEPARATE)


def with_codec(data: bytes, number: int, codec: bytes) -> bytes:
    """Give a track of a Matroska file another codec of the same length of name."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"A_AAC", at + 1)
    assert len(codec) == 5
    return data[:at] + codec + data[at + 5 :]


async def test_a_default_that_is_not_decoded_is_refused_and_not_replaced() -> None:
    tracks = [sent(OTHER, default=True), sent(MARKS, default=False)]
    data = with_codec(mux("matroska", tracks), 0, b"A_MLP")
    with refusal(Reason.MEDIA_CODEC_UNSUPPORTED, match="codec mlp"):
        await decoded(data)
    with refusal(Reason.MEDIA_CODEC_UNSUPPORTED, match="codec mlp"):
        await decoded(data, track="all", channels=ChannelMode.SEPARATE)
    await assert_marks_are_taken(data, 1, track="1")


async def test_where_no_track_is_the_default_one_that_is_decoded_is_taken() -> None:
    tracks = [sent(OTHER, default=False), sent(MARKS, default=False)]
    report = await assert_marks_are_taken(with_codec(mux("matroska", tracks), 0, b"A_MLP"), 1)
    assert report.media.tracks[0].codec == "mlp"


async def test_the_report_describes_every_track() -> None:
    tracks = [
        sent(OTHER, language="eng", title="Erzähler", default=True),
        Sent(np.stack([MARKS] * 6), RATE, "ac3", language="ger", title="x" * 200, default=False, start=1.0),
    ]
    report, _ = await decoded(mux("matroska", tracks, video=9))
    assert report.media.container == "matroska,webm"
    assert report.media.seconds == pytest.approx(9, abs=0.1)
    first, second = report.media.tracks
    assert (first.seconds, second.seconds) == pytest.approx((SECONDS, SECONDS + 1), abs=0.1)
    assert replace(first, seconds=0) == AudioTrack("aac", RATE, 1, "eng", "Erzähler", 0, True, True)
    assert replace(second, seconds=0) == AudioTrack("ac3", RATE, 6, "ger", "x" * 80, 0, False, False)


def test_dts_has_a_decoder() -> None:
    assert av.Codec("dca", "r").name in CODECS
