"""Name the ways in which this service alone refuses or fails: those of every engine."""

from __future__ import annotations

from locution_common.engine.errors import (
    AudioTooLong,
    EngineDraining,
    EngineOverloaded,
    InferenceFailed,
    ModelChecksumMismatch,
    ModelLoadFailed,
    ModelNotFound,
    ModelNotUsable,
    ModelPathInvalid,
    OptionUnsupported,
)

__all__ = [
    "AudioTooLong",
    "EngineDraining",
    "EngineOverloaded",
    "InferenceFailed",
    "ModelChecksumMismatch",
    "ModelLoadFailed",
    "ModelNotFound",
    "ModelNotUsable",
    "ModelPathInvalid",
    "OptionUnsupported",
]
