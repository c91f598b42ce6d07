"""The development models' qualifications: only on the very files, and only once."""

from __future__ import annotations

from datetime import timedelta

from locution.v1.model_service_pb2 import Model
from locution_local.development import MODELS
from locution_local.qualifications import read, wanting


def models() -> list[Model]:
    return [Model(name=f"models/{qualification.model}", checksum=qualification.checksum) for qualification in read()]


def test_every_speech_model_of_development_has_a_passing_qualification() -> None:
    speech = {model.name for model in MODELS if model.name.startswith("whisper/")}
    assert {qualification.model for qualification in read()} == speech
    for qualification in read():
        assert qualification.word_count >= 1000
        assert qualification.fast_word_error_rate - qualification.accurate_word_error_rate <= 0.005
        assert qualification.destroyed_recording_count == 0


def test_a_registered_model_without_a_qualification_gets_its_own() -> None:
    assert wanting(read(), models()) == read()


def test_other_files_get_none() -> None:
    changed = models()
    changed[0].checksum = "0" * 64
    assert [qualification.model for qualification in wanting(read(), changed)] == [
        qualification.model for qualification in read()[1:]
    ]


def test_a_newer_qualification_of_the_registry_stays_and_an_older_one_goes() -> None:
    newer, older = models(), models()
    for age, judged in ((1, newer), (-1, older)):
        for model, qualification in zip(judged, read(), strict=True):
            model.qualification.run_time.FromDatetime(qualification.run_time + timedelta(seconds=age))
    assert wanting(read(), newer) == []
    assert wanting(read(), older) == read()


def test_the_registry_is_told_what_was_measured() -> None:
    qualification = read()[0]
    request = qualification.to_request()
    assert (request.path, request.checksum) == (qualification.model, qualification.checksum)
    assert request.word_count == qualification.word_count
    assert request.HasField("destroyed_recording_count")
    assert request.min_encoder_input.ToTimedelta().total_seconds() == qualification.min_encoder_input
    assert request.run_time.ToDatetime(tzinfo=qualification.run_time.tzinfo) == qualification.run_time
