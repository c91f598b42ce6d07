"""What voices refuse, one class for each ErrorReason."""

from __future__ import annotations

from locution_common.errors import Code, LocutionError


class VoiceNotFoundError(LocutionError):
    """No such voice for this caller."""

    code = Code.NOT_FOUND
    reason = "VOICE_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such voice")


class VoiceSampleUnusableError(LocutionError):
    """The speaker of a job cannot be enrolled."""

    code = Code.FAILED_PRECONDITION
    reason = "VOICE_SAMPLE_UNUSABLE"

    def __init__(self, why: str) -> None:
        """Say why."""
        super().__init__(f"the speaker cannot be enrolled: {why}")
