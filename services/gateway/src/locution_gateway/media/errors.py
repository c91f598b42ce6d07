"""Why media was refused or could not be decoded, as domain errors."""

from __future__ import annotations

from typing import Final

from locution_common.errors import Code, FieldViolation, LocutionError

from .models import Failure


class MediaError(LocutionError):
    """Media that cannot become audio; the caller's doing unless a subclass says otherwise."""

    code = Code.INVALID_ARGUMENT


class MediaEmpty(MediaError):
    """The media holds no bytes."""

    reason = "MEDIA_EMPTY"


class MediaUnrecognised(MediaError):
    """The bytes are in no container, or the sound in no codec, that is accepted."""

    reason = "MEDIA_UNRECOGNISED"


class MediaNoAudio(MediaError):
    """The container holds no audio stream."""

    reason = "MEDIA_NO_AUDIO"


class MediaCorrupt(MediaError):
    """Nothing can be decoded, or the header says what cannot be."""

    reason = "MEDIA_CORRUPT"


class MediaTooLong(MediaError):
    """The audio decodes to more seconds than the limit."""

    reason = "MEDIA_TOO_LONG"


class MediaTooComplex(MediaError):
    """The media has more streams, channels or bytes, or takes more memory, than the limit."""

    reason = "MEDIA_TOO_COMPLEX"


class MediaEncodingRequired(MediaError):
    """The bytes look like headerless audio, whose encoding, rate and channels must be stated."""

    reason = "MEDIA_ENCODING_REQUIRED"


class AudioFormatContradicted(MediaError):
    """A format was stated for headerless audio, but the file has a header that says otherwise."""

    reason = "INVALID_REQUEST"

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[FieldViolation("config.audio_format", message)])


class MediaDecodeTimeout(MediaError):
    """Decoding used up its processor time or its wall-clock time."""

    code = Code.DEADLINE_EXCEEDED
    reason = "MEDIA_DECODE_TIMEOUT"


class MediaDecoderCrashed(MediaError):
    """The decoder process died or broke its protocol; worth another attempt."""

    code = Code.ABORTED
    reason = "MEDIA_DECODER_CRASHED"


_MESSAGES: Final[dict[Failure, tuple[type[MediaError], str]]] = {
    Failure.EMPTY: (MediaEmpty, "the media holds no bytes"),
    Failure.UNRECOGNISED: (MediaUnrecognised, "the media is in no known container or codec"),
    Failure.NO_AUDIO: (MediaNoAudio, "the media holds no audio"),
    Failure.CORRUPT: (MediaCorrupt, "the media is damaged: nothing can be decoded"),
    Failure.TOO_LONG: (MediaTooLong, "the media decodes to more audio than the limit"),
    Failure.TOO_COMPLEX: (MediaTooComplex, "the media needs more streams, channels, bytes or memory than the limit"),
    Failure.ENCODING_REQUIRED: (
        MediaEncodingRequired,
        "the media has no known header; headerless audio needs encoding, sample rate and channels",
    ),
    Failure.FORMAT_CONTRADICTED: (
        AudioFormatContradicted,
        "the stated audio format contradicts the header of the media",
    ),
    Failure.CRASHED: (MediaDecoderCrashed, "the decoder process failed"),
}


def failure_error(failure: Failure, detail: str = "") -> MediaError:
    """Make the error of a failure; `detail` is a short text from the child, already sanitised."""
    error, message = _MESSAGES[failure]
    return error(f"{message} ({detail})" if detail else message)
