"""What ends an attempt at a stage."""

from __future__ import annotations

from locution_common.errors import Code, LocutionError


class LeaseLostError(Exception):
    """The stage belongs to somebody else now, or is gone: nothing that this holder writes counts."""


class EngineBusyError(LocutionError):
    """The engine takes no work now; the stage goes back without using an attempt after `retry_after` seconds."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "ENGINE_OVERLOADED"


class EngineUnavailableError(LocutionError):
    """The engine could not be reached, or went away."""

    code = Code.UNAVAILABLE
    reason = "DEPENDENCY_UNAVAILABLE"


class EngineError(LocutionError):
    """The engine refused or failed the section, for a reason of the catalogue."""

    def __init__(self, reason: str, message: str) -> None:
        """Carry the engine's own reason."""
        super().__init__(message)
        self.reason = reason


class UploadPendingError(LocutionError):
    """The upload is still being verified; the stage goes back without using an attempt."""

    code = Code.FAILED_PRECONDITION
    reason = "UPLOAD_STATE_CONFLICT"
