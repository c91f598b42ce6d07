"""Name the ways in which engines alone refuse or fail; those of all services are in locution_common.errors."""

from __future__ import annotations

from locution_common.errors import Code, LocutionError


class ModelNotFound(LocutionError):
    """The registry knows no such weight."""

    code = Code.NOT_FOUND
    reason = "MODEL_NOT_FOUND"


class ModelNotUsable(LocutionError):
    """The registry does not allow the weight now."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_NOT_USABLE"


class ModelPathInvalid(LocutionError):
    """The weight's folder lies outside the models root."""

    code = Code.INVALID_ARGUMENT
    reason = "MODEL_PATH_INVALID"


class ModelChecksumMismatch(LocutionError):
    """The weight's files are not those that were registered."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_CHECKSUM_MISMATCH"


class ModelLoadFailed(LocutionError):
    """The weight could not be loaded."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_LOAD_FAILED"


class OptionUnsupported(LocutionError):
    """The weight cannot do what the request asks."""

    code = Code.INVALID_ARGUMENT
    reason = "OPTION_UNSUPPORTED"


class EngineOverloaded(LocutionError):
    """No more sections are taken now; `retry_after` says when to try again."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "ENGINE_OVERLOADED"


class EngineDraining(LocutionError):
    """The engine is stopping and takes no new sections."""

    code = Code.UNAVAILABLE
    reason = "ENGINE_DRAINING"


class AudioTooLong(LocutionError):
    """The section is longer than the limit."""

    code = Code.INVALID_ARGUMENT
    reason = "AUDIO_TOO_LONG"


class InferenceFailed(LocutionError):
    """The model failed while it computed."""

    code = Code.INTERNAL
    reason = "INFERENCE_FAILED"
