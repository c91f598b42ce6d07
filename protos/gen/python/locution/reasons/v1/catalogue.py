"""The reasons for which Locution refuses or fails something; generated from locution/reasons/v1/error_reason.proto by `make gen`.

This module needs the standard library alone: services, clients and the decoder's child import it.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Name a status code of gRPC."""

    http_status: int
    """The HTTP status that google.rpc.Code maps the code to."""

    def __new__(cls, name: str, http_status: int) -> Code:
        """Make a member."""
        code = str.__new__(cls, name)
        code._value_ = name
        code.http_status = http_status
        return code

    CANCELLED = "CANCELLED", 499
    UNKNOWN = "UNKNOWN", 500
    INVALID_ARGUMENT = "INVALID_ARGUMENT", 400
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED", 504
    NOT_FOUND = "NOT_FOUND", 404
    ALREADY_EXISTS = "ALREADY_EXISTS", 409
    PERMISSION_DENIED = "PERMISSION_DENIED", 403
    UNAUTHENTICATED = "UNAUTHENTICATED", 401
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED", 429
    FAILED_PRECONDITION = "FAILED_PRECONDITION", 400
    ABORTED = "ABORTED", 409
    OUT_OF_RANGE = "OUT_OF_RANGE", 400
    UNIMPLEMENTED = "UNIMPLEMENTED", 501
    INTERNAL = "INTERNAL", 500
    UNAVAILABLE = "UNAVAILABLE", 503
    DATA_LOSS = "DATA_LOSS", 500


class Retry(StrEnum):
    """Say whether a refused call may be made again as it is."""

    NO = "NO"
    """The same call fails again until the request, or what it is about, changes."""
    LATER = "LATER"
    """Nothing was done, and the same call may be made again after the delay in RetryInfo. Without RetryInfo it is
    made again with backoff if the code is UNAVAILABLE, and not otherwise."""
    RESUME = "RESUME"
    """The same call fails, but a new one continues where the server stands."""
    LIMITED = "LIMITED"
    """The work was begun and failed. Another attempt may succeed or meet the same fault, so attempts are counted."""


class Reason(StrEnum):
    """Name why something was refused or failed."""

    code: Code
    retry: Retry
    message: str
    """What every refusal with this reason says; empty where each says its own."""
    advice: str
    """What helps, as an imperative clause; empty where there is nothing to say."""

    def __new__(
        cls, name: str, code: Code = Code.INTERNAL, retry: Retry = Retry.NO, message: str = "", advice: str = ""
    ) -> Reason:
        """Make a member."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.code, reason.retry, reason.message, reason.advice = code, retry, message, advice
        return reason

    @property
    def http_status(self) -> int:
        """The HTTP status that belongs to the code."""
        return self.code.http_status

    INTERNAL = (
        "INTERNAL",
        Code.INTERNAL,
        Retry.LIMITED,
        "",
        "",
    )
    """A fault of ours. The message holds an id for the operator and nothing else."""
    INVALID_REQUEST = (
        "INVALID_REQUEST",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "correct the fields that BadRequest names",
    )
    """A field breaks a rule of its proto; BadRequest lists every field."""
    UNAUTHENTICATED = (
        "UNAUTHENTICATED",
        Code.UNAUTHENTICATED,
        Retry.NO,
        "a valid credential is required",
        "send a valid credential",
    )
    """The call carries no credential, or none that is known and still valid: missing, malformed, forged, unknown and
    revoked ones get the same answer."""
    PERMISSION_DENIED = (
        "PERMISSION_DENIED",
        Code.PERMISSION_DENIED,
        Retry.NO,
        "",
        "use a credential that allows the call",
    )
    """The caller is known, but its role or scopes do not allow the call."""
    DEADLINE_EXCEEDED = (
        "DEADLINE_EXCEEDED",
        Code.DEADLINE_EXCEEDED,
        Retry.NO,
        "",
        "set a longer deadline",
    )
    """The call's deadline passed before its work was done."""
    DEPENDENCY_UNAVAILABLE = (
        "DEPENDENCY_UNAVAILABLE",
        Code.UNAVAILABLE,
        Retry.LATER,
        "",
        "try again in a moment",
    )
    """A service behind the gateway, the database or the object store cannot be reached."""
    OVERLOADED = (
        "OVERLOADED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "try again in a moment",
    )
    """The server is at its capacity and refuses at once instead of queueing."""
    REQUEST_ID_REUSED = (
        "REQUEST_ID_REUSED",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "this request_id was used before with another request",
        "use a fresh request_id",
    )
    """The same request_id came before with another request."""
    PAGE_TOKEN_INVALID = (
        "PAGE_TOKEN_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the page token is not one of this list with this filter and order",
        "start from the first page",
    )
    """A page token is malformed, or belongs to another list or filter."""
    FILTER_INVALID = (
        "FILTER_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "correct the filter or the order",
    )
    """A filter or order does not parse or names an unknown field."""
    ETAG_MISMATCH = (
        "ETAG_MISMATCH",
        Code.ABORTED,
        Retry.NO,
        "the resource changed since this etag was read",
        "read the resource again and use its new etag",
    )
    """The resource changed since the etag was read."""
    UPDATE_MASK_INVALID = (
        "UPDATE_MASK_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "name only fields that can be changed",
    )
    """The update mask names an unknown field, or one that cannot be changed."""
    CURSOR_INVALID = (
        "CURSOR_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the cursor is not one of this job",
        "watch without a cursor",
    )
    """A watch cursor is malformed or belongs to another resource."""
    UPLOAD_NOT_FOUND = (
        "UPLOAD_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such upload",
        "",
    )
    """No such upload for this caller."""
    UPLOAD_STATE_CONFLICT = (
        "UPLOAD_STATE_CONFLICT",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "",
    )
    """The upload is not in a state that allows this."""
    UPLOAD_OFFSET_MISMATCH = (
        "UPLOAD_OFFSET_MISMATCH",
        Code.OUT_OF_RANGE,
        Retry.RESUME,
        "",
        "continue from the offset in metadata.committed_offset",
    )
    """Bytes were sent at an offset other than the committed one."""
    UPLOAD_DIGEST_MISMATCH = (
        "UPLOAD_DIGEST_MISMATCH",
        Code.DATA_LOSS,
        Retry.NO,
        "",
        "send the file as a new upload",
    )
    """The bytes received have another SHA-256 than the client stated."""
    UPLOAD_SIZE_MISMATCH = (
        "UPLOAD_SIZE_MISMATCH",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "send the rest, or state the size that the file has",
    )
    """The bytes received have another size than the client stated."""
    UPLOAD_TOO_LARGE = (
        "UPLOAD_TOO_LARGE",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "send a smaller file, or have the limit raised",
    )
    """The upload is larger than the limit."""
    UPLOAD_WRITER_REPLACED = (
        "UPLOAD_WRITER_REPLACED",
        Code.ABORTED,
        Retry.NO,
        "another stream took over this upload",
        "read the committed offset before writing on",
    )
    """Another writer took over this upload."""
    UPLOAD_PART_INVALID = (
        "UPLOAD_PART_INVALID",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "send the part again",
    )
    """A part is missing, out of order, or has another ETag than stated."""
    JOB_NOT_FOUND = (
        "JOB_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such job",
        "",
    )
    """No such job for this caller."""
    JOB_STATE_CONFLICT = (
        "JOB_STATE_CONFLICT",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "",
    )
    """The job is not in a state that allows this."""
    JOB_CANCELLED = (
        "JOB_CANCELLED",
        Code.CANCELLED,
        Retry.NO,
        "the job was cancelled",
        "call RetryJob",
    )
    """The job was cancelled."""
    JOB_ATTEMPTS_EXHAUSTED = (
        "JOB_ATTEMPTS_EXHAUSTED",
        Code.ABORTED,
        Retry.NO,
        "",
        "look at the logs of the engines and workers, then call RetryJob",
    )
    """A stage failed as often as the limit allows."""
    JOB_EXPIRED = (
        "JOB_EXPIRED",
        Code.DEADLINE_EXCEEDED,
        Retry.NO,
        "",
        "check that the engines run, then call RetryJob",
    )
    """The job waited for capacity longer than the limit on its age."""
    JOB_NO_SECTION_SUCCEEDED = (
        "JOB_NO_SECTION_SUCCEEDED",
        Code.ABORTED,
        Retry.NO,
        "",
        "look at the logs of the engines, then call RetryJob",
    )
    """No section of the recording gave a result."""
    TRANSCRIPT_NOT_READY = (
        "TRANSCRIPT_NOT_READY",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "wait until the job has SUCCEEDED",
    )
    """The transcript does not exist yet."""
    TRANSCRIPT_TOO_LARGE = (
        "TRANSCRIPT_TOO_LARGE",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the transcript is over 3 MiB: use ListSegments or ExportTranscript",
        "use ListSegments or ExportTranscript",
    )
    """The transcript is too large for one message."""
    MEDIA_EMPTY = (
        "MEDIA_EMPTY",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media holds no bytes",
        "send a file that holds audio",
    )
    """The upload holds no bytes."""
    MEDIA_UNRECOGNISED = (
        "MEDIA_UNRECOGNISED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media is in no known container or codec",
        "send audio or video (wav, flac, mp3, m4a, ogg, webm, mp4, aiff, ...)",
    )
    """The bytes are in no known media container."""
    MEDIA_NO_AUDIO = (
        "MEDIA_NO_AUDIO",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media holds no audio",
        "send a file that has sound",
    )
    """The container holds no audio stream."""
    MEDIA_CORRUPT = (
        "MEDIA_CORRUPT",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media is damaged: nothing can be decoded",
        "send an intact copy",
    )
    """The media is damaged so that nothing can be decoded."""
    MEDIA_TOO_LONG = (
        "MEDIA_TOO_LONG",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media decodes to more audio than the limit",
        "cut the recording into shorter pieces",
    )
    """The recording is longer than the limit."""
    MEDIA_TOO_COMPLEX = (
        "MEDIA_TOO_COMPLEX",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media needs more streams, channels, bytes or memory than the limit",
        "send the audio alone",
    )
    """The media has more streams, channels or bytes than the limit."""
    MEDIA_ENCODING_REQUIRED = (
        "MEDIA_ENCODING_REQUIRED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media has no known header; headerless audio needs encoding, sample rate and channels",
        "state audio_format in the job, or send a file with a header, for example wav",
    )
    """The audio has no header: the job must state encoding, sample rate and channels."""
    MEDIA_DECODE_TIMEOUT = (
        "MEDIA_DECODE_TIMEOUT",
        Code.DEADLINE_EXCEEDED,
        Retry.NO,
        "",
        "convert the file to a common format, for example wav",
    )
    """Decoding took longer than its limit on time."""
    MEDIA_DECODER_CRASHED = (
        "MEDIA_DECODER_CRASHED",
        Code.ABORTED,
        Retry.LIMITED,
        "the decoder process failed",
        "call RetryJob",
    )
    """The decoder process died."""
    MODEL_NOT_FOUND = (
        "MODEL_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "",
        "",
    )
    """No such model."""
    MODEL_NOT_USABLE = (
        "MODEL_NOT_USABLE",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "choose another model",
    )
    """The model is registered, but may not be used now."""
    MODEL_NONE_USABLE = (
        "MODEL_NONE_USABLE",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "register a model of the kind",
    )
    """No usable model of the kind that the job needs is registered."""
    MODEL_PATH_INVALID = (
        "MODEL_PATH_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "put the model one folder below its set under the models root",
    )
    """The model's path is not one folder below its set under the models root."""
    MODEL_LAYOUT_INVALID = (
        "MODEL_LAYOUT_INVALID",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "complete the folder",
    )
    """The folder does not hold a model of a known layout."""
    MODEL_CHECKSUM_MISMATCH = (
        "MODEL_CHECKSUM_MISMATCH",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "restore the files, or register the model again",
    )
    """The model's files are not those that were registered."""
    MODEL_ALREADY_REGISTERED = (
        "MODEL_ALREADY_REGISTERED",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "",
        "",
    )
    """The model is registered already."""
    MODEL_LOAD_FAILED = (
        "MODEL_LOAD_FAILED",
        Code.FAILED_PRECONDITION,
        Retry.LIMITED,
        "",
        "choose another model",
    )
    """The engine could not load the model."""
    OPTION_UNSUPPORTED = (
        "OPTION_UNSUPPORTED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "drop the option, or choose another model",
    )
    """The model cannot do what the request asks."""
    ENGINE_OVERLOADED = (
        "ENGINE_OVERLOADED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "",
    )
    """The engine has as many streams as it takes."""
    ENGINE_DRAINING = (
        "ENGINE_DRAINING",
        Code.UNAVAILABLE,
        Retry.LATER,
        "",
        "call another engine",
    )
    """The engine is shutting down and takes no new work."""
    AUDIO_OFFSET_MISMATCH = (
        "AUDIO_OFFSET_MISMATCH",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "",
    )
    """Audio came out of order, overlapped, or left a gap."""
    AUDIO_TOO_LONG = (
        "AUDIO_TOO_LONG",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "send shorter sections",
    )
    """A section is longer than the engine takes in one stream."""
    STREAM_PROTOCOL_VIOLATED = (
        "STREAM_PROTOCOL_VIOLATED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "",
    )
    """Messages of a stream came in an order that the protocol does not allow."""
    INFERENCE_FAILED = (
        "INFERENCE_FAILED",
        Code.INTERNAL,
        Retry.LIMITED,
        "",
        "",
    )
    """The model failed while it computed."""
    QUOTA_EXCEEDED = (
        "QUOTA_EXCEEDED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "wait until the quota is free again, or have it raised",
    )
    """A quota of the tenant is used up; QuotaFailure names it."""
    RATE_LIMITED = (
        "RATE_LIMITED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "",
    )
    """The principal or its tenant calls more often than its rate allows."""
    CREDENTIAL_EXPIRED = (
        "CREDENTIAL_EXPIRED",
        Code.UNAUTHENTICATED,
        Retry.NO,
        "the credential has expired",
        "call RefreshSession, or use another key",
    )
    """The credential was good, and its time is over."""
    TENANT_NOT_FOUND = (
        "TENANT_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such tenant",
        "",
    )
    """No such tenant for this caller."""
    TENANT_EXISTS = (
        "TENANT_EXISTS",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "a tenant of this name exists",
        "choose another name",
    )
    """A tenant of this name exists."""
    USER_NOT_FOUND = (
        "USER_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such user",
        "",
    )
    """No such user for this caller."""
    USER_EXISTS = (
        "USER_EXISTS",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "the tenant has a user with this e-mail address",
        "log in",
    )
    """The tenant has a user with this e-mail address."""
    API_KEY_NOT_FOUND = (
        "API_KEY_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such API key",
        "",
    )
    """No such API key for this caller."""
    API_KEY_STATE_CONFLICT = (
        "API_KEY_STATE_CONFLICT",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the API key is not active any more",
        "",
    )
    """The API key is revoked or expired already."""
    INVITATION_NOT_FOUND = (
        "INVITATION_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such invitation",
        "",
    )
    """No such invitation for this caller."""
    INVITATION_INVALID = (
        "INVITATION_INVALID",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the invitation is not good",
        "ask for another invitation",
    )
    """The invitation's token is unknown, used, taken back or expired."""
    REGISTRATION_CLOSED = (
        "REGISTRATION_CLOSED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "an invitation is needed to register",
        "ask an administrator for an invitation",
    )
    """The server takes no users without an invitation."""
    ISSUER_NOT_FOUND = (
        "ISSUER_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such issuer",
        "",
    )
    """No such OIDC issuer for this caller."""
    ISSUER_EXISTS = (
        "ISSUER_EXISTS",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "this issuer with this audience is allowed already",
        "",
    )
    """This issuer with this audience is allowed already."""
    SESSION_REQUIRED = (
        "SESSION_REQUIRED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "this is for a user who has logged in",
        "log in first",
    )
    """The call is about the caller's session, and it came with another credential."""
    SESSIONS_DISABLED = (
        "SESSIONS_DISABLED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "this server takes no passwords: call with an API key",
        "use an API key, or have the operator set LOCUTION_SESSION_KEY",
    )
    """The server has no key to sign sessions with."""
    LIVE_SESSION_NOT_FOUND = (
        "LIVE_SESSION_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such live session",
        "",
    )
    """No such live session for this caller."""
    LIVE_TOKEN_INVALID = (
        "LIVE_TOKEN_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "this resume token is not the session's last one",
        "use the last token that the server sent",
    )
    """The resume token is malformed, another session's, or was replaced by a later one."""
    LIVE_SESSION_ENDED = (
        "LIVE_SESSION_ENDED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the live session has ended",
        "start a new session",
    )
    """The live session has ended."""
    LIVE_SESSION_TAKEN_OVER = (
        "LIVE_SESSION_TAKEN_OVER",
        Code.ABORTED,
        Retry.NO,
        "another stream resumed this session",
        "",
    )
    """Another stream resumed the session."""
    LIVE_STREAM_IDLE = (
        "LIVE_STREAM_IDLE",
        Code.DEADLINE_EXCEEDED,
        Retry.RESUME,
        "",
        "resume with the resume token",
    )
    """No message came for longer than the limit; the session can be resumed."""
    LIVE_CLIENT_TOO_SLOW = (
        "LIVE_CLIENT_TOO_SLOW",
        Code.RESOURCE_EXHAUSTED,
        Retry.RESUME,
        "",
        "resume with the resume token and read what the server sends",
    )
    """The client does not read what it is sent; the session can be resumed."""
    LIVE_OVERLOADED = (
        "LIVE_OVERLOADED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "",
    )
    """As many live streams are open as the server, or the tenant, may have."""
    LIVE_DRAINING = (
        "LIVE_DRAINING",
        Code.UNAVAILABLE,
        Retry.RESUME,
        "the server stops; resume on another connection",
        "resume at once on another connection",
    )
    """The server stops; the session can be resumed on another connection."""
    AUDIO_INCOMPLETE_SAMPLE = (
        "AUDIO_INCOMPLETE_SAMPLE",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "send whole samples",
    )
    """The audio ends inside a sample."""
    WEBHOOK_NOT_FOUND = (
        "WEBHOOK_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such webhook",
        "",
    )
    """No such webhook for this caller."""
    WEBHOOK_DELIVERY_NOT_FOUND = (
        "WEBHOOK_DELIVERY_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such delivery",
        "",
    )
    """No such delivery of this webhook for this caller."""
    WEBHOOK_URL_REFUSED = (
        "WEBHOOK_URL_REFUSED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "use a public https URL",
    )
    """The webhook's URL does not parse, or leads where the server does not send."""
    WEBHOOK_DISABLED = (
        "WEBHOOK_DISABLED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the webhook is disabled",
        "enable the webhook with UpdateWebhook",
    )
    """The webhook is disabled, so nothing is sent to it."""
    TAG_NOT_FOUND = (
        "TAG_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "no job has this tag",
        "",
    )
    """No job of the tenant has this tag."""
    VOICE_NOT_FOUND = (
        "VOICE_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such voice",
        "",
    )
    """No such voice for this caller."""
    VOICE_SAMPLE_UNUSABLE = (
        "VOICE_SAMPLE_UNUSABLE",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "choose another speaker or job",
    )
    """The speaker of a job cannot be enrolled; the message says why."""
