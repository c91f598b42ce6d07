"""Name the failure of engines that is caught; they refuse everything else with a reason alone."""

from __future__ import annotations

from locution_common.errors import Reason, Refused


class ModelLoadFailed(Refused):
    """The model could not be loaded."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_LOAD_FAILED, message)
