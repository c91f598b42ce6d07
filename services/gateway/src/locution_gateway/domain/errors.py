"""Everything that the gateway refuses or fails with, one class for each ErrorReason that it raises."""

from __future__ import annotations

from collections.abc import Sequence

from locution_common.errors import (
    Code,
    DependencyUnavailable,
    FieldViolation,
    InvalidRequest,
    LocutionError,
    Overloaded,
    PermissionDenied,
    Unauthenticated,
)

RETRY_SOON = 1.0


class FieldError(LocutionError):
    """A refusal that names the field of the request that is to blame."""

    code = Code.INVALID_ARGUMENT

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, violations=[FieldViolation(field, message)])


class InvalidFieldError(FieldError):
    """A field holds what its proto cannot forbid, or is not the client's to set."""

    reason = "INVALID_REQUEST"


class RequestIdReusedError(LocutionError):
    """The same request_id came before with another request."""

    code = Code.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"

    def __init__(self) -> None:
        super().__init__("this request_id was used before with another request")


class PageTokenInvalidError(FieldError):
    """A page token is malformed, or belongs to another list, filter or order."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("page_token", "the page token is not one of this list with this filter and order")


class FilterInvalidError(FieldError):
    """A filter or order does not parse or names an unknown field."""

    reason = "FILTER_INVALID"

    def __init__(self, message: str, field: str = "filter") -> None:
        super().__init__(field, message)


class EtagMismatchError(LocutionError):
    """The resource changed since the etag was read."""

    code = Code.ABORTED
    reason = "ETAG_MISMATCH"

    def __init__(self) -> None:
        super().__init__("the resource changed since this etag was read")


class UpdateMaskInvalidError(FieldError):
    """The update mask names an unknown field, or one that cannot be changed."""

    reason = "UPDATE_MASK_INVALID"

    def __init__(self, path: str, allowed: Sequence[str]) -> None:
        super().__init__("update_mask", f"{path!r} cannot be changed; these can: {', '.join(allowed)}")


class CursorInvalidError(FieldError):
    """A watch cursor is malformed or belongs to another resource."""

    reason = "CURSOR_INVALID"

    def __init__(self) -> None:
        super().__init__("after_cursor", "the cursor is not one of this job")


class TooManyStreamsError(Overloaded):
    """This process has as many WriteUpload streams as it takes."""

    def __init__(self) -> None:
        super().__init__("too many uploads are being written at once", retry_after=RETRY_SOON)


class UploadNotFoundError(LocutionError):
    """No such upload for this caller."""

    code = Code.NOT_FOUND
    reason = "UPLOAD_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such upload")


class UploadStateConflictError(LocutionError):
    """The upload is not in a state that allows this."""

    code = Code.FAILED_PRECONDITION
    reason = "UPLOAD_STATE_CONFLICT"


class UploadOffsetMismatchError(LocutionError):
    """Bytes were sent at an offset other than the committed one."""

    code = Code.OUT_OF_RANGE
    reason = "UPLOAD_OFFSET_MISMATCH"

    def __init__(self, offset: int, committed: int) -> None:
        super().__init__(
            f"the write starts at {offset}, but {committed} bytes are committed",
            metadata={"committed_offset": str(committed)},
        )


class UploadDigestMismatchError(LocutionError):
    """The bytes received have another SHA-256 than the client stated."""

    code = Code.DATA_LOSS
    reason = "UPLOAD_DIGEST_MISMATCH"


class UploadSizeMismatchError(LocutionError):
    """The bytes received have another size than the client stated."""

    code = Code.FAILED_PRECONDITION
    reason = "UPLOAD_SIZE_MISMATCH"


class UploadTooLargeError(LocutionError):
    """The upload is larger than the limit."""

    code = Code.INVALID_ARGUMENT
    reason = "UPLOAD_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(f"an upload may have at most {limit} bytes")


class UploadWriterReplacedError(LocutionError):
    """Another writer took over this upload."""

    code = Code.ABORTED
    reason = "UPLOAD_WRITER_REPLACED"

    def __init__(self) -> None:
        super().__init__("another stream took over this upload")


class UploadPartInvalidError(LocutionError):
    """A part is missing, out of order, or has another ETag than stated."""

    code = Code.FAILED_PRECONDITION
    reason = "UPLOAD_PART_INVALID"


class JobNotFoundError(LocutionError):
    """No such job for this caller."""

    code = Code.NOT_FOUND
    reason = "JOB_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such job")


class JobStateConflictError(LocutionError):
    """The job is not in a state that allows this."""

    code = Code.FAILED_PRECONDITION
    reason = "JOB_STATE_CONFLICT"


class JobCancelledError(LocutionError):
    """The job was cancelled."""

    code = Code.CANCELLED
    reason = "JOB_CANCELLED"


class JobAttemptsExhaustedError(LocutionError):
    """A stage failed as often as the limit allows."""

    code = Code.ABORTED
    reason = "JOB_ATTEMPTS_EXHAUSTED"


class JobExpiredError(LocutionError):
    """The job waited for capacity longer than the limit on its age."""

    code = Code.DEADLINE_EXCEEDED
    reason = "JOB_EXPIRED"


class JobNoSectionSucceededError(LocutionError):
    """No section of the recording gave a result."""

    code = Code.ABORTED
    reason = "JOB_NO_SECTION_SUCCEEDED"


class TranscriptNotReadyError(LocutionError):
    """The transcript does not exist yet, or lacks what was asked for."""

    code = Code.FAILED_PRECONDITION
    reason = "TRANSCRIPT_NOT_READY"


class TranscriptTooLargeError(LocutionError):
    """The transcript is too large for one message."""

    code = Code.FAILED_PRECONDITION
    reason = "TRANSCRIPT_TOO_LARGE"

    def __init__(self) -> None:
        super().__init__("the transcript is over 3 MiB: use ListSegments or ExportTranscript")


class ModelNotFoundError(LocutionError):
    """No such model."""

    code = Code.NOT_FOUND
    reason = "MODEL_NOT_FOUND"


class ModelNotUsableError(LocutionError):
    """The model is registered, but may not be used now."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_NOT_USABLE"


class ModelNoneUsableError(LocutionError):
    """No usable model of the kind that the job needs is registered."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_NONE_USABLE"


class ModelPathInvalidError(LocutionError):
    """The model's path is not one folder below its set under the models root."""

    code = Code.INVALID_ARGUMENT
    reason = "MODEL_PATH_INVALID"


class ModelLayoutInvalidError(LocutionError):
    """The folder does not hold a model of a known layout."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_LAYOUT_INVALID"


class ModelChecksumMismatchError(LocutionError):
    """The model's files are not those that were registered."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_CHECKSUM_MISMATCH"


class ModelAlreadyRegisteredError(LocutionError):
    """The model is registered already."""

    code = Code.ALREADY_EXISTS
    reason = "MODEL_ALREADY_REGISTERED"


class ModelLoadFailedError(LocutionError):
    """The engine could not load the model."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_LOAD_FAILED"


class OptionUnsupportedError(FieldError):
    """The model cannot do what the request asks."""

    reason = "OPTION_UNSUPPORTED"


__all__ = [
    "CursorInvalidError",
    "DependencyUnavailable",
    "EtagMismatchError",
    "FieldError",
    "FilterInvalidError",
    "InvalidFieldError",
    "InvalidRequest",
    "JobAttemptsExhaustedError",
    "JobCancelledError",
    "JobExpiredError",
    "JobNoSectionSucceededError",
    "JobNotFoundError",
    "JobStateConflictError",
    "LocutionError",
    "ModelAlreadyRegisteredError",
    "ModelChecksumMismatchError",
    "ModelLayoutInvalidError",
    "ModelLoadFailedError",
    "ModelNoneUsableError",
    "ModelNotFoundError",
    "ModelNotUsableError",
    "ModelPathInvalidError",
    "OptionUnsupportedError",
    "PageTokenInvalidError",
    "PermissionDenied",
    "RequestIdReusedError",
    "TooManyStreamsError",
    "TranscriptNotReadyError",
    "TranscriptTooLargeError",
    "Unauthenticated",
    "UpdateMaskInvalidError",
    "UploadDigestMismatchError",
    "UploadNotFoundError",
    "UploadOffsetMismatchError",
    "UploadPartInvalidError",
    "UploadSizeMismatchError",
    "UploadStateConflictError",
    "UploadTooLargeError",
    "UploadWriterReplacedError",
]
