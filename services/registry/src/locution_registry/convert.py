"""Convert protos to the domain and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from locution.registry.v1 import registry_service_pb2 as pb
from locution.v1 import model_service_pb2 as public
from locution_common.errors import Reason, Refused
from locution_speech.capabilities import Capabilities

from .core.list_models import Page
from .core.resolve_model import Resolution
from .domain.errors import ModelPathInvalid
from .domain.models import MIN_ENCODER_INPUT, Kind, Model, ModelFile, ModelPath, Qualification, State

_KINDS: Final = {Kind.ASR: public.MODEL_KIND_ASR, Kind.DIARIZATION: public.MODEL_KIND_DIARIZATION}
_FROM_KINDS: Final = {number: kind for kind, number in _KINDS.items()}
_STATES: Final = {
    State.ENABLED: public.Model.STATE_ENABLED,
    State.DISABLED: public.Model.STATE_DISABLED,
    State.INVALID: public.Model.STATE_INVALID,
}


def kind(number: public.ModelKind.ValueType) -> Kind:
    """Return the kind; validation has rejected other numbers."""
    return _FROM_KINDS[number]


def optional_kind(number: public.ModelKind.ValueType) -> Kind | None:
    """Return the kind, or None if unset."""
    return _FROM_KINDS.get(number)


def known_path(text: str) -> ModelPath:
    """Return the path of an existing model. Refuses impossible paths with MODEL_NOT_FOUND."""
    try:
        return ModelPath.parse(text)
    except ModelPathInvalid:
        raise Refused(Reason.MODEL_NOT_FOUND, f"there is no model {text!r}") from None


def choice(text: str) -> ModelPath | None:
    """Return the path that a job requests, or None. Refuses impossible paths with MODEL_NOT_FOUND."""
    return known_path(text) if text else None


def qualification(request: pb.RecordQualificationRequest) -> Qualification:
    """Judge the word error rates of a request. Refuses invalid ones with INVALID_REQUEST."""
    return Qualification.judge(
        request.accurate_word_error_rate,
        request.fast_word_error_rate,
        request.word_count,
        request.destroyed_recording_count,
        request.run_time.ToDatetime(tzinfo=UTC),
        request.min_encoder_input.ToTimedelta().total_seconds() or MIN_ENCODER_INPUT,
    )


def model_to_proto(model: Model) -> pb.RegisteredModel:
    """Return the model as engines see it."""
    files = [_file(file) for file in model.files]
    return pb.RegisteredModel(resource=_resource(model), path=str(model.path), files=files)


def page_to_proto(page: Page) -> pb.ListModelsResponse:
    """Return the page."""
    models = [model_to_proto(model) for model in page.models]
    return pb.ListModelsResponse(models=models, next_page_token=page.next_token)


def resolution_to_proto(resolution: Resolution) -> pb.ResolveModelResponse:
    """Return the model to use; `fallback` is absent if it is the first choice."""
    return pb.ResolveModelResponse(model=model_to_proto(resolution.model), fallback=resolution.fallback)


def ttl_to_proto(seconds: float) -> pb.ReportServingResponse:
    """Return the validity of a report."""
    return pb.ReportServingResponse(ttl=_duration(seconds))


def _resource(model: Model) -> public.Model:
    return public.Model(
        name=f"models/{model.path}",
        kind=_KINDS[model.kind],
        provider=model.layout.provider,
        layout=model.layout.name,
        size_bytes=model.size_bytes,
        checksum=model.checksum,
        capabilities=_capabilities(model.layout.capabilities),
        state=_STATES[model.state],
        state_reason=model.state_reason,
        is_default=model.is_default,
        qualification=_qualification(model.qualification),
        serving_replicas=model.serving_replicas,
        create_time=_time(model.create_time),
        update_time=_time(model.update_time),
    )


def _capabilities(capabilities: Capabilities) -> public.ModelCapabilities:
    return public.ModelCapabilities(
        languages=capabilities.languages,
        language_detection=capabilities.language_detection,
        translation=capabilities.translation,
        word_times=capabilities.word_times,
        prompt=capabilities.prompt,
        speaker_counts=capabilities.speaker_counts,
        overlap=capabilities.overlap,
    )


def _qualification(qualification: Qualification | None) -> public.ModelQualification | None:
    if qualification is None:
        return None
    return public.ModelQualification(
        passed=qualification.passed,
        accurate_word_error_rate=qualification.accurate_word_error_rate,
        fast_word_error_rate=qualification.fast_word_error_rate,
        word_count=qualification.word_count,
        destroyed_recording_count=qualification.destroyed,
        run_time=_time(qualification.run_time),
        min_encoder_input=_duration(qualification.min_encoder_input),
    )


def _file(file: ModelFile) -> pb.ModelFile:
    return pb.ModelFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _time(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
