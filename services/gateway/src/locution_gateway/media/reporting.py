"""Read the child's report, which is as untrusted as the media."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from locution_common.errors import Reason, Refused

from .models import AudioTrack, DecodeReport, DecodeWarning, Media, Opening, WarningReason

MAX_LINE_BYTES: Final = 1 << 17
_MAX_DETAIL: Final = 80
_MAX_WARNINGS: Final = 16
_MAX_TRACKS: Final = 64
_MAX_SECONDS: Final = 1e9
_OPTIONS: Final = ("audio_format", "track")
_OF_MEDIA: Final = frozenset(reason for reason in Reason if reason.startswith("MEDIA_"))


def read_opening(line: bytes) -> Opening:
    """Read the first line. Refuses with the MEDIA reason that it states, or MEDIA_DECODER_CRASHED without one."""
    with _refusing_nonsense():
        event = _event(line, "opened")
        declared = event["declared_seconds"]
        return Opening(
            container=_text(event["container"]),
            codec=_text(event["codec"]),
            source_channels=_count(event["source_channels"]),
            source_rate=_count(event["source_rate"]),
            audio_streams=_count(event["audio_streams"]),
            declared_seconds=None if declared is None else float(declared),
            channels=_count(event["channels"]),
        )


def read_report(line: bytes, opening: Opening, input_bytes: int) -> DecodeReport:
    """Read the last line. Refuses with the MEDIA reason that it states, or MEDIA_DECODER_CRASHED without one."""
    with _refusing_nonsense():
        event = _event(line, "finished")
        return DecodeReport(
            opening=opening,
            samples=_count(event["samples"]),
            input_bytes=input_bytes,
            warnings=tuple(_warning(item) for item in event["warnings"][:_MAX_WARNINGS]),
            media=Media(
                opening.container,
                tuple(_track(item) for item in event["tracks"][:_MAX_TRACKS]),
                None if event["whole_seconds"] is None else _seconds(event["whole_seconds"]),
            ),
            isolation=_text(event["isolation"]),
            peak_memory_bytes=_count(event["peak_memory_bytes"]),
            cpu_seconds=float(event["cpu_seconds"]),
        )


@contextmanager
def _refusing_nonsense() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Refused(Reason.MEDIA_DECODER_CRASHED, "the decoder process ended without a report") from error


def _event(line: bytes, wanted: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(line)
    if event["event"] == "failed":
        raise _failure(Reason(event["failure"]), _text(event["detail"]), _text(event.get("option", "")))
    if event["event"] != wanted:
        raise ValueError(event["event"])
    return event


def _failure(reason: Reason, detail: str, option: str) -> Refused:
    if reason is Reason.INVALID_REQUEST:
        if option not in _OPTIONS:
            raise ValueError(option)
        return Refused(reason, detail, field=f"config.{option}")
    if reason not in _OF_MEDIA:
        raise ValueError(reason)
    return Refused(reason, f"{reason.message} ({detail})" if detail else "")


def _track(item: dict[str, Any]) -> AudioTrack:
    return AudioTrack(
        codec=_text(item["codec"]),
        rate=_count(item["rate"]),
        channels=_count(item["channels"]),
        language=_text(item["language"]),
        title=_title(item["title"]),
        seconds=_seconds(item["seconds"]),
        is_default=item["is_default"] is True,
        used=item["used"] is True,
    )


def _warning(item: dict[str, Any]) -> DecodeWarning:
    return DecodeWarning(WarningReason(item["reason"]), _count(item["offset"]), _count(item["count"]))


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(value)
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        raise ValueError(value)
    return float(value)


def _title(value: object) -> str:
    """Keep what can be shown, of a bounded length."""
    if not isinstance(value, str):
        raise TypeError(value)
    return "".join(character for character in value if character.isprintable())[:_MAX_DETAIL]


def _text(value: object) -> str:
    """Keep printable ASCII of a bounded length, because the text may appear in a message."""
    if not isinstance(value, str):
        raise TypeError(value)
    return "".join(character for character in value if " " <= character <= "~")[:_MAX_DETAIL]
