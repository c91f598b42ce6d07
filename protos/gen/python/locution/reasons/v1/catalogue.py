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
    """The same call fails again until the request or the resource changes."""
    LATER = "LATER"
    """The call had no effect. Retry it after the delay in RetryInfo. Without RetryInfo, retry with backoff only if
    the code is UNAVAILABLE."""
    RESUME = "RESUME"
    """The same call fails. A new call that reads the server's current position can resume."""
    LIMITED = "LIMITED"
    """The work started and failed. Another attempt may succeed or hit the same fault, so attempts are limited."""


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
    """A fault of the server. The message holds only an id for the operator."""
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
    """The call carries no valid credential. Missing, malformed, forged, unknown and revoked credentials get the same
    answer."""
    PERMISSION_DENIED = (
        "PERMISSION_DENIED",
        Code.PERMISSION_DENIED,
        Retry.NO,
        "",
        "use a credential that allows the call",
    )
    """The caller's role or scopes do not allow the call."""
    DEADLINE_EXCEEDED = (
        "DEADLINE_EXCEEDED",
        Code.DEADLINE_EXCEEDED,
        Retry.NO,
        "",
        "set a longer deadline",
    )
    """The call's deadline passed before the work was done."""
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
    """The server is at capacity and refuses calls at once instead of queueing them."""
    REQUEST_ID_REUSED = (
        "REQUEST_ID_REUSED",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "this request_id was used before with another request",
        "use a fresh request_id",
    )
    """An earlier call used the same request_id with a different request."""
    PAGE_TOKEN_INVALID = (
        "PAGE_TOKEN_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the page token does not belong to this list, filter and order",
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
    """The resource changed after the etag was read."""
    UPDATE_MASK_INVALID = (
        "UPDATE_MASK_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "name only fields that can be changed",
    )
    """The update mask names an unknown or immutable field."""
    CURSOR_INVALID = (
        "CURSOR_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the cursor does not belong to this job",
        "watch without a cursor",
    )
    """A watch cursor is malformed or belongs to another resource."""
    ROW_UNREADABLE = (
        "ROW_UNREADABLE",
        Code.DATA_LOSS,
        Retry.NO,
        "the stored resource is unreadable",
        "delete it, and send the operator its name",
    )
    """A stored resource cannot be read. Lists and reads show it with its name and state only."""
    UPLOAD_NOT_FOUND = (
        "UPLOAD_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such upload",
        "",
    )
    """The upload does not exist or is not visible to the caller."""
    UPLOAD_STATE_CONFLICT = (
        "UPLOAD_STATE_CONFLICT",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "",
    )
    """The upload's state does not allow the call."""
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
    """The SHA-256 of the received bytes differs from the stated one."""
    UPLOAD_SIZE_MISMATCH = (
        "UPLOAD_SIZE_MISMATCH",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "send the rest, or state the file's actual size",
    )
    """The number of received bytes differs from the stated size."""
    UPLOAD_TOO_LARGE = (
        "UPLOAD_TOO_LARGE",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "send a smaller file, or ask the operator to raise the limit",
    )
    """The upload is larger than the limit."""
    UPLOAD_WRITER_REPLACED = (
        "UPLOAD_WRITER_REPLACED",
        Code.ABORTED,
        Retry.NO,
        "another stream took over this upload",
        "read the committed offset before resuming",
    )
    """Another writer took over the upload."""
    UPLOAD_PART_INVALID = (
        "UPLOAD_PART_INVALID",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "send the part again",
    )
    """A part is missing, out of order, or its ETag differs from the stated one."""
    JOB_NOT_FOUND = (
        "JOB_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such job",
        "",
    )
    """The job does not exist or is not visible to the caller."""
    JOB_STATE_CONFLICT = (
        "JOB_STATE_CONFLICT",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "",
    )
    """The job's state does not allow the call."""
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
    """A stage failed on every allowed attempt."""
    JOB_EXPIRED = (
        "JOB_EXPIRED",
        Code.DEADLINE_EXCEEDED,
        Retry.NO,
        "",
        "check that the engines run, then call RetryJob",
    )
    """The job waited longer for capacity than the limit allows."""
    JOB_NO_SECTION_SUCCEEDED = (
        "JOB_NO_SECTION_SUCCEEDED",
        Code.ABORTED,
        Retry.NO,
        "",
        "look at the logs of the engines, then call RetryJob",
    )
    """No section of the recording produced a result."""
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
        "the transcript is larger than 3 MiB; use ListSegments or ExportTranscript",
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
        "the media's container is unknown",
        "send audio or video (wav, flac, mp3, m4a, ogg, webm, mp4, aiff, ...)",
    )
    """The bytes are not media."""
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
    """The media is too damaged to decode any audio."""
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
    """Decoding exceeded its time limit."""
    MEDIA_DECODER_CRASHED = (
        "MEDIA_DECODER_CRASHED",
        Code.ABORTED,
        Retry.LIMITED,
        "the decoder process failed",
        "call RetryJob",
    )
    """The decoder process crashed."""
    MEDIA_CODEC_UNSUPPORTED = (
        "MEDIA_CODEC_UNSUPPORTED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the media's container or codec is not supported",
        "convert the file to a common format, for example flac or wav",
    )
    """The media's container or codec is known, but not decoded here."""
    MODEL_NOT_FOUND = (
        "MODEL_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such model",
        "",
    )
    """The model does not exist."""
    MODEL_NOT_USABLE = (
        "MODEL_NOT_USABLE",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "choose another model",
    )
    """The model is registered but not usable now."""
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
    """The model's path is not exactly one folder below its set under the models root."""
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
    """The model's files differ from the registered ones."""
    MODEL_ALREADY_REGISTERED = (
        "MODEL_ALREADY_REGISTERED",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "",
        "",
    )
    """The model is already registered."""
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
    """The engine already runs as many streams as its limit allows."""
    ENGINE_DRAINING = (
        "ENGINE_DRAINING",
        Code.UNAVAILABLE,
        Retry.LATER,
        "",
        "call another engine",
    )
    """The engine is shutting down and accepts no new work."""
    AUDIO_OFFSET_MISMATCH = (
        "AUDIO_OFFSET_MISMATCH",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "",
    )
    """An audio chunk is out of order, overlaps the previous one, or leaves a gap."""
    AUDIO_TOO_LONG = (
        "AUDIO_TOO_LONG",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "send shorter sections",
    )
    """A section is longer than the engine accepts in one stream."""
    STREAM_PROTOCOL_VIOLATED = (
        "STREAM_PROTOCOL_VIOLATED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "",
    )
    """The order of messages in the stream violates the protocol."""
    INFERENCE_FAILED = (
        "INFERENCE_FAILED",
        Code.INTERNAL,
        Retry.LIMITED,
        "",
        "",
    )
    """The model failed during inference."""
    QUOTA_EXCEEDED = (
        "QUOTA_EXCEEDED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "wait until the quota is free again, or ask the operator to raise it",
    )
    """A quota of the tenant is exhausted; QuotaFailure names it."""
    RATE_LIMITED = (
        "RATE_LIMITED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "",
    )
    """The principal or its tenant exceeds its rate of calls."""
    CREDENTIAL_EXPIRED = (
        "CREDENTIAL_EXPIRED",
        Code.UNAUTHENTICATED,
        Retry.NO,
        "the credential has expired",
        "call RefreshSession, or use another key",
    )
    """The credential has expired."""
    TENANT_NOT_FOUND = (
        "TENANT_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such tenant",
        "",
    )
    """The tenant does not exist or is not visible to the caller."""
    TENANT_EXISTS = (
        "TENANT_EXISTS",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "a tenant with this name already exists",
        "choose another name",
    )
    """A tenant with this name already exists."""
    USER_NOT_FOUND = (
        "USER_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such user",
        "",
    )
    """The user does not exist or is not visible to the caller."""
    USER_EXISTS = (
        "USER_EXISTS",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "the tenant already has a user with this e-mail address",
        "log in",
    )
    """The tenant already has a user with this e-mail address."""
    API_KEY_NOT_FOUND = (
        "API_KEY_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such API key",
        "",
    )
    """The API key does not exist or is not visible to the caller."""
    API_KEY_STATE_CONFLICT = (
        "API_KEY_STATE_CONFLICT",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the API key is no longer active",
        "",
    )
    """The API key is already revoked or expired."""
    INVITATION_NOT_FOUND = (
        "INVITATION_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such invitation",
        "",
    )
    """The invitation does not exist or is not visible to the caller."""
    INVITATION_INVALID = (
        "INVITATION_INVALID",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the invitation is invalid",
        "ask for another invitation",
    )
    """The invitation's token is unknown, used, revoked or expired."""
    REGISTRATION_CLOSED = (
        "REGISTRATION_CLOSED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "registration requires an invitation",
        "ask an administrator for an invitation",
    )
    """The server does not allow registration without an invitation."""
    ISSUER_NOT_FOUND = (
        "ISSUER_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such issuer",
        "",
    )
    """The OIDC issuer does not exist or is not visible to the caller."""
    ISSUER_EXISTS = (
        "ISSUER_EXISTS",
        Code.ALREADY_EXISTS,
        Retry.NO,
        "this issuer is already allowed with this audience",
        "",
    )
    """This issuer is already allowed with this audience."""
    SESSION_REQUIRED = (
        "SESSION_REQUIRED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the call requires a logged-in user",
        "log in first",
    )
    """The call acts on the caller's session, but the caller authenticated in another way."""
    SESSIONS_DISABLED = (
        "SESSIONS_DISABLED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "this server does not allow passwords; use an API key",
        "use an API key, or ask the operator to set LOCUTION_SESSION_KEY",
    )
    """The server has no key to sign sessions with."""
    LIVE_SESSION_NOT_FOUND = (
        "LIVE_SESSION_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such live session",
        "",
    )
    """The live session does not exist or is not visible to the caller."""
    LIVE_TOKEN_INVALID = (
        "LIVE_TOKEN_INVALID",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "the resume token is not the session's latest",
        "use the last token that the server sent",
    )
    """The resume token is malformed, belongs to another session, or was replaced by a later one."""
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
    """The client sent no message for longer than the limit. The session can be resumed."""
    LIVE_CLIENT_TOO_SLOW = (
        "LIVE_CLIENT_TOO_SLOW",
        Code.RESOURCE_EXHAUSTED,
        Retry.RESUME,
        "",
        "resume with the resume token and read what the server sends",
    )
    """The client does not read the server's messages. The session can be resumed."""
    LIVE_OVERLOADED = (
        "LIVE_OVERLOADED",
        Code.RESOURCE_EXHAUSTED,
        Retry.LATER,
        "",
        "",
    )
    """The server or the tenant has reached its limit of open live streams."""
    LIVE_DRAINING = (
        "LIVE_DRAINING",
        Code.UNAVAILABLE,
        Retry.RESUME,
        "the server is shutting down; resume on another connection",
        "resume at once on another connection",
    )
    """The server is shutting down. The session can be resumed on another connection."""
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
    """The webhook does not exist or is not visible to the caller."""
    WEBHOOK_DELIVERY_NOT_FOUND = (
        "WEBHOOK_DELIVERY_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such webhook delivery",
        "",
    )
    """The delivery does not exist or is not visible to the caller."""
    WEBHOOK_URL_REFUSED = (
        "WEBHOOK_URL_REFUSED",
        Code.INVALID_ARGUMENT,
        Retry.NO,
        "",
        "use a public https URL",
    )
    """The webhook's URL is malformed or points to an address that the server may not send to."""
    WEBHOOK_DISABLED = (
        "WEBHOOK_DISABLED",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "the webhook is disabled",
        "enable the webhook with UpdateWebhook",
    )
    """The webhook is disabled, so the server sends nothing to it."""
    TAG_NOT_FOUND = (
        "TAG_NOT_FOUND",
        Code.NOT_FOUND,
        Retry.NO,
        "there is no such tag",
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
    """The voice does not exist or is not visible to the caller."""
    VOICE_SAMPLE_UNUSABLE = (
        "VOICE_SAMPLE_UNUSABLE",
        Code.FAILED_PRECONDITION,
        Retry.NO,
        "",
        "choose another speaker or job",
    )
    """The speaker cannot be enrolled; the message says why."""
