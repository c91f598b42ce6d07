"""The development models' verdicts: only on the very files, and only once."""

from __future__ import annotations

from datetime import timedelta

from locution.v1.model_service_pb2 import Model
from locution_local.development import MODELS
from locution_local.qualifications import read, wanting


def models() -> list[Model]:
    return [Model(name=f"models/{verdict.model}", checksum=verdict.checksum) for verdict in read()]


def test_every_speech_model_of_development_has_a_passing_verdict() -> None:
    speech = {model.name for model in MODELS if model.name.startswith("whisper/")}
    assert {verdict.model for verdict in read()} == speech
    for verdict in read():
        assert verdict.word_count >= 1000
        assert verdict.fast_word_error_rate - verdict.accurate_word_error_rate <= 0.005


def test_a_registered_model_without_a_verdict_gets_its_own() -> None:
    assert wanting(read(), models()) == read()


def test_other_files_get_none() -> None:
    changed = models()
    changed[0].checksum = "0" * 64
    assert [verdict.model for verdict in wanting(read(), changed)] == [verdict.model for verdict in read()[1:]]


def test_a_newer_verdict_of_the_registry_stays_and_an_older_one_goes() -> None:
    newer, older = models(), models()
    for age, judged in ((1, newer), (-1, older)):
        for model, verdict in zip(judged, read(), strict=True):
            model.verdict.run_time.FromDatetime(verdict.run_time + timedelta(seconds=age))
    assert wanting(read(), newer) == []
    assert wanting(read(), older) == read()


def test_the_registry_is_told_what_was_measured() -> None:
    verdict = read()[0]
    request = verdict.to_request()
    assert (request.path, request.checksum) == (verdict.model, verdict.checksum)
    assert request.word_count == verdict.word_count
    assert request.min_encoder_input.ToTimedelta().total_seconds() == verdict.min_encoder_input
    assert request.run_time.ToDatetime(tzinfo=verdict.run_time.tzinfo) == verdict.run_time
