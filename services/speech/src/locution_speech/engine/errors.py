"""The failure of engines that code catches; all others are raised by reason only."""

from __future__ import annotations

from locution_common.errors import Reason, Refused


class ModelLoadFailed(Refused):
    """The model could not be loaded."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_LOAD_FAILED, message)
