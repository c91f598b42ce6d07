"""Every row is decoded with its sound where a player plays it and its words as the source's, or refused by name."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from locution_common.errors import Reason
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeSpec

from tests.bench.recordings import model_folder
from tests.bench.scoring import Errors, errors
from tests.media.rows import Row, rows
from tests.media.source import Sound, displacement, rebuilt, reference, source
from tests.media.table import Results
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

TOLERANCE = 0.05
POINTS = 1.0
WORDS = 1
"""Words of a row that a lossy codec may cost: more than a point, because a row has but thirty."""
ROWS = rows()


@cache
def model() -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(str(model_folder("whisper/tiny.en")), device="cpu", compute_type="int8", cpu_threads=2)


def wrong_words(sound: Sound) -> Errors:
    segments, _ = model().transcribe(
        sound, language="en", beam_size=5, temperature=0.0, without_timestamps=True, condition_on_previous_text=False
    )
    return errors(reference(), " ".join(segment.text for segment in segments), "en")


@cache
def true_errors(seconds: float) -> Errors:
    return wrong_words(source()[: round(seconds * 16_000)])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_row(row: Row, results: Results) -> None:
    data, sink = row.make(), Kept()
    if row.refused:
        with refusal(Reason(row.refused), match=row.named or None) as caught:
            await decode(pieces(data), DecodeSpec(**row.how), sink, size=len(data))
        results.refused(row, caught.value)
        return
    report = await decode(pieces(data), DecodeSpec(**row.how), sink, size=len(data))
    warnings = tuple(warning.reason.value for warning in report.warnings if warning.reason != "CHANNELS_CANCEL")
    assert warnings == row.warnings
    assert row.length is None or report.seconds == pytest.approx(row.length, abs=0.1)
    off = displacement(bytes(sink.pcm), row.spans)
    results.decoded(row, off, tuple(warning.reason.value for warning in report.warnings))
    assert abs(off) < TOLERANCE
    sound = rebuilt(bytes(sink.pcm), row.spans)
    assert results.transcribed(row, wrong_words(sound), true_errors(row.spans[-1].end)) <= WORDS


def test_the_words_of_all_rows_are_those_of_the_source(results: Results) -> None:
    if not results.complete:
        pytest.skip("only some rows were chosen: a word in so few is more than a point")
    assert abs(results.points) <= POINTS


def test_there_are_sixty_rows_and_each_is_another() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 60
