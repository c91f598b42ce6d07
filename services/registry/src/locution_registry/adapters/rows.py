"""Models as rows of registry.models, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from locution_speech.capabilities import Capabilities

from ..domain.models import MIN_ENCODER_INPUT, Kind, Layout, Model, ModelFile, ModelPath, State, Verdict


def model(row: Mapping[str, Any]) -> Model:
    """Return the model of a row."""
    return Model(
        path=ModelPath(row["set_name"], row["model_name"]),
        layout=Layout(Kind(row["kind"]), row["provider"], row["layout"], _capabilities(row["capabilities"])),
        files=tuple(ModelFile(**file) for file in row["files"]),
        state=State(row["state"]),
        state_reason=row["state_reason"],
        is_default=row["is_default"],
        verdict=_verdict(row),
        serving_replicas=row["serving_replicas"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def arguments(model: Model) -> list[object]:
    """Return the first eighteen arguments of SAVE."""
    layout, verdict = model.layout, model.verdict
    return [
        model.path.set,
        model.path.model,
        layout.kind.value,
        layout.provider,
        layout.name,
        asdict(layout.capabilities),
        [asdict(file) for file in model.files],
        model.size_bytes,
        model.checksum,
        model.state.value,
        model.state_reason,
        model.is_default,
        verdict.passed if verdict else None,
        verdict.accurate_word_error_rate if verdict else None,
        verdict.fast_word_error_rate if verdict else None,
        verdict.word_count if verdict else None,
        verdict.run_time if verdict else None,
        verdict.min_encoder_input if verdict else None,
    ]


def _capabilities(content: Mapping[str, Any]) -> Capabilities:
    return Capabilities(**{**content, "languages": tuple(content["languages"])})


def _verdict(row: Mapping[str, Any]) -> Verdict | None:
    if row["verdict_passed"] is None:
        return None
    return Verdict(
        passed=row["verdict_passed"],
        accurate_word_error_rate=row["verdict_accurate_word_error_rate"],
        fast_word_error_rate=row["verdict_fast_word_error_rate"],
        word_count=row["verdict_word_count"],
        run_time=row["verdict_run_time"],
        min_encoder_input=row["verdict_min_encoder_input"] or MIN_ENCODER_INPUT,
    )
