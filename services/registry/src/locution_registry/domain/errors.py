"""Refusals that code catches; all others are raised by reason only."""

from __future__ import annotations

from locution_common.errors import DependencyUnavailable, Reason, Refused


class ModelPathInvalid(Refused):
    """The path is not one folder in a folder below the models root, or leaves the root."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_PATH_INVALID, message)


class ModelLayoutInvalid(Refused):
    """The folder does not hold a model of a known layout."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_LAYOUT_INVALID, message)


class ModelsRootUnavailable(DependencyUnavailable):
    """The models root cannot be read. This says nothing about any model."""

    def __init__(self) -> None:
        super().__init__("the models root cannot be read", retry_after=5.0)
