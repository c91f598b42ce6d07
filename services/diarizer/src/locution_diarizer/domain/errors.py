"""What can go wrong in the diarizer, in the words of the ErrorReason catalogue."""

from __future__ import annotations

from locution_common.errors import Code, LocutionError


class ModelNotFound(LocutionError):
    """The registry knows no such weight."""

    code = Code.NOT_FOUND
    reason = "MODEL_NOT_FOUND"


class ModelNotUsable(LocutionError):
    """The weight is registered, but may not be used now, or is of another kind."""

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
    """The weight cannot be loaded: damaged, of an unknown layout, or of an architecture that is not on the list."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_LOAD_FAILED"


class OptionUnsupported(LocutionError):
    """The model cannot do what is asked of it with this input."""

    code = Code.INVALID_ARGUMENT
    reason = "OPTION_UNSUPPORTED"


class EngineOverloaded(LocutionError):
    """No more sections are admitted now; carries the wait after which a place is likely."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "ENGINE_OVERLOADED"


class EngineDraining(LocutionError):
    """This replica is going away; another one should be asked at once."""

    code = Code.UNAVAILABLE
    reason = "ENGINE_DRAINING"


class AudioTooLong(LocutionError):
    """A section is longer than the engine takes in one stream."""

    code = Code.INVALID_ARGUMENT
    reason = "AUDIO_TOO_LONG"


class InferenceFailed(LocutionError):
    """The model failed while it computed."""

    code = Code.INTERNAL
    reason = "INFERENCE_FAILED"
