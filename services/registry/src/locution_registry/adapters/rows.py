"""Convert models to rows of registry.models and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from locution_speech.capabilities import Capabilities

from ..domain.models import MIN_ENCODER_INPUT, Kind, Layout, Model, ModelFile, ModelPath, Qualification, State


def model(row: Mapping[str, Any]) -> Model:
    """Return the model of a row."""
    return Model(
        path=ModelPath(row["set_name"], row["model_name"]),
        layout=Layout(Kind(row["kind"]), row["provider"], row["layout"], _capabilities(row["capabilities"])),
        files=tuple(ModelFile(**file) for file in row["files"]),
        state=State(row["state"]),
        state_reason=row["state_reason"],
        is_default=row["is_default"],
        qualification=_qualification(row),
        serving_replicas=row["serving_replicas"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def arguments(model: Model) -> list[object]:
    """Return the first nineteen arguments of SAVE."""
    layout, qualification = model.layout, model.qualification
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
        qualification.passed if qualification else None,
        qualification.accurate_word_error_rate if qualification else None,
        qualification.fast_word_error_rate if qualification else None,
        qualification.word_count if qualification else None,
        qualification.destroyed if qualification else None,
        qualification.run_time if qualification else None,
        qualification.min_encoder_input if qualification else None,
    ]


def _capabilities(content: Mapping[str, Any]) -> Capabilities:
    return Capabilities(**{**content, "languages": tuple(content["languages"])})


def _qualification(row: Mapping[str, Any]) -> Qualification | None:
    if row["qualification_passed"] is None or row["qualification_destroyed"] is None:
        return None
    return Qualification(
        passed=row["qualification_passed"],
        accurate_word_error_rate=row["qualification_accurate_word_error_rate"],
        fast_word_error_rate=row["qualification_fast_word_error_rate"],
        word_count=row["qualification_word_count"],
        destroyed=row["qualification_destroyed"],
        run_time=row["qualification_run_time"],
        min_encoder_input=row["qualification_min_encoder_input"] or MIN_ENCODER_INPUT,
    )
