"""What the registry refuses and catches; it refuses everything else with a reason alone."""

from __future__ import annotations

from locution_common.errors import DependencyUnavailable, Reason, Refused


class ModelPathInvalid(Refused):
    """The path is not one folder in a folder below the models root, or leads out of it."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_PATH_INVALID, message)


class ModelLayoutInvalid(Refused):
    """The folder does not hold a model of a known layout."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.MODEL_LAYOUT_INVALID, message)


class ModelsRootUnavailable(DependencyUnavailable):
    """The models root cannot be read, which says nothing about any model."""

    def __init__(self) -> None:
        super().__init__("the models root cannot be read", retry_after=5.0)
