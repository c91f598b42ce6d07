"""What the registry refuses, by the reasons of the public catalogue."""

from __future__ import annotations

from locution_common.errors import Code, DependencyUnavailable, LocutionError


class ModelNotFound(LocutionError):
    """No such weight is registered."""

    code = Code.NOT_FOUND
    reason = "MODEL_NOT_FOUND"


class ModelNotUsable(LocutionError):
    """The weight is registered but may not be used for this, or not now."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_NOT_USABLE"


class ModelNoneUsable(LocutionError):
    """No weight of the kind may be used now."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_NONE_USABLE"


class ModelPathInvalid(LocutionError):
    """The path is not one folder in a folder below the models root, or leads out of it."""

    code = Code.INVALID_ARGUMENT
    reason = "MODEL_PATH_INVALID"


class ModelLayoutInvalid(LocutionError):
    """The folder does not hold a model of a known layout."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_LAYOUT_INVALID"


class ModelChecksumMismatch(LocutionError):
    """The files are not those that were registered."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_CHECKSUM_MISMATCH"


class ModelAlreadyRegistered(LocutionError):
    """The weight is registered already."""

    code = Code.ALREADY_EXISTS
    reason = "MODEL_ALREADY_REGISTERED"


class PageTokenInvalid(LocutionError):
    """The page token is malformed or belongs to another filter."""

    code = Code.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"


class ModelsRootUnavailable(DependencyUnavailable):
    """The models root cannot be read, which says nothing about any weight."""

    def __init__(self) -> None:
        super().__init__("the models root cannot be read", retry_after=5.0)
