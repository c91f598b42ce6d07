"""What live streams refuse or fail with."""

from __future__ import annotations

from locution_common.errors import Code, LocutionError


class LiveSessionNotFoundError(LocutionError):
    """No such session for this caller."""

    code = Code.NOT_FOUND
    reason = "LIVE_SESSION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such live session")


class LiveTokenInvalidError(LocutionError):
    """The token is malformed, another session's, or was replaced."""

    code = Code.INVALID_ARGUMENT
    reason = "LIVE_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("this resume token is not the session's last one")


class LiveSessionEndedError(LocutionError):
    """The session has ended."""

    code = Code.FAILED_PRECONDITION
    reason = "LIVE_SESSION_ENDED"

    def __init__(self) -> None:
        super().__init__("the live session has ended")


class LiveTakenOverError(LocutionError):
    """Another stream resumed the session."""

    code = Code.ABORTED
    reason = "LIVE_SESSION_TAKEN_OVER"

    def __init__(self) -> None:
        super().__init__("another stream goes on with this session")


class LiveIdleError(LocutionError):
    """No message came for too long."""

    code = Code.DEADLINE_EXCEEDED
    reason = "LIVE_STREAM_IDLE"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no message came for {seconds:.0f} s; the session can be resumed")


class LiveClientSlowError(LocutionError):
    """The client does not read."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "LIVE_CLIENT_TOO_SLOW"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing was read for {seconds:.0f} s; the session can be resumed")


class LiveOverloadedError(LocutionError):
    """As many streams are open as may be."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "LIVE_OVERLOADED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} live streams are open already", retry_after=5.0)


class LiveDrainingError(LocutionError):
    """The server stops."""

    code = Code.UNAVAILABLE
    reason = "LIVE_DRAINING"

    def __init__(self) -> None:
        super().__init__("the server stops; resume on another connection", retry_after=0.5)


class IncompleteSampleError(LocutionError):
    """The audio ends inside a sample."""

    code = Code.INVALID_ARGUMENT
    reason = "AUDIO_INCOMPLETE_SAMPLE"

    def __init__(self, size: int, unit: int) -> None:
        super().__init__(f"{size} bytes are no whole samples of {unit} bytes")


class EngineLostError(Exception):
    """The engine that listened is gone; another one can go on."""

    def __init__(self, retry_after: float = 0.2) -> None:
        super().__init__("the engine is gone")
        self.retry_after = retry_after
