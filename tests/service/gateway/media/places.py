"""Checks of decoded media: where its sound is, how long it is, and what is said of its cut half."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeReport, DecodeSpec, WarningReason

from tests.data import media_files as files
from tests.data.bursts import SECONDS, STARTS, TOLERANCE, bursts, starts
from tests.data.quirky_media import Sent
from tests.service.gateway.media.support import Kept, pieces

RATES = {"libmp3lame": 44_100, "wmav2": 44_100, "aac": 44_100}
TONE_SECONDS = 10


@cache
def film(container: str, video: str, codec: str, rate: int) -> bytes:
    """Write grey pictures and the bursts."""
    return files.film(container, video, codec, [bursts(rate)] * 2, rate)


def sent(codec: str, **how: Any) -> Sent:
    """Send the bursts in a codec."""
    rate = RATES.get(codec, 48_000)
    return Sent(bursts(rate), rate, codec, **how)


def toned(container: str, codec: str, rate: int, options: dict[str, str]) -> bytes:
    """Write a tone on two channels."""
    return files.encode(container, codec, [files.tone(TONE_SECONDS, rate)] * 2, rate, **options)


def name(values: object) -> str | None:
    """Name the options of a row."""
    return None if not isinstance(values, dict) else "-".join(values) or "plain"


async def assert_in_place(data: bytes) -> Kept:
    """Check that the bursts are where they were and nothing is said."""
    sink = Kept()
    report = await decode(pieces(data), DecodeSpec(), sink, size=len(data))
    assert report.warnings == ()
    assert report.seconds == pytest.approx(SECONDS, abs=0.15)  # the last block of a codec may be filled up
    assert starts(sink.pcm) == pytest.approx(list(STARTS), abs=TOLERANCE)
    return sink


async def heard(data: bytes, expected: npt.ArrayLike, seconds: float | None = None) -> DecodeReport:
    """Decode, and check where the bursts are and how long the recording is."""
    sink = Kept()
    report = await decode(pieces(data), DecodeSpec(), sink, size=len(data))
    assert starts(sink.pcm) == pytest.approx(np.asarray(expected).tolist(), abs=TOLERANCE)
    assert seconds is None or report.seconds == pytest.approx(seconds, abs=0.1)
    assert report.warnings == ()
    return report


async def assert_whole_and_its_cut_half_warns(data: bytes) -> None:
    """Check that a tone decodes whole, and up to a warning where its end is missing."""
    sink = Kept()
    report = await decode(pieces(data), DecodeSpec(), sink)
    assert report.seconds == pytest.approx(TONE_SECONDS, abs=0.06)
    assert report.warnings == ()
    assert_tone(bytes(sink.pcm))
    half = Kept()
    cut = await decode(pieces(data[: len(data) * 6 // 10 + 3]), DecodeSpec(), half)
    assert 4.5 < cut.seconds < 7
    assert [(warning.reason, warning.offset) for warning in cut.warnings] == [
        (WarningReason.MEDIA_TRUNCATED, len(half.pcm) // 2)
    ]
    assert_tone(bytes(half.pcm))


def assert_tone(pcm: bytes) -> None:
    """Check that a second within is the tone at its level."""
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm, "<i2")[32_000:48_000].astype(float))) / 8000
    assert int(np.argmax(spectrum)) == 440
    assert spectrum[440] == pytest.approx(0.3 * 32_768, rel=0.1)
