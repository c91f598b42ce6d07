"""Options of subtitles, shared by the commands that fetch transcripts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from locution.v1.transcript_service_pb2 import SubtitleOptions

from locution_client.cli import durations
from locution_client.cli.arguments import argument, number, switch, words
from locution_client.cli.output import UsageError
from locution_client.transcripts import SUBTITLES as SUBTITLE_FORMATS

PRESETS: Final = {
    "broadcast": SubtitleOptions.PRESET_BROADCAST,
    "teletext": SubtitleOptions.PRESET_TELETEXT,
    "vertical": SubtitleOptions.PRESET_VERTICAL,
}
STYLES: Final = {
    "none": SubtitleOptions.SPEAKER_STYLE_NONE,
    "prefix": SubtitleOptions.SPEAKER_STYLE_PREFIX,
    "voice": SubtitleOptions.SPEAKER_STYLE_VOICE,
    "dashes": SubtitleOptions.SPEAKER_STYLE_DASHES,
}
SUBTITLES: Final = (
    words("--subtitle-preset", PRESETS, "limits and style of srt and vtt (default: broadcast)"),
    argument("--max-line-width", type=number(8, 80), metavar="N", help="most characters a line of subtitles, 8 to 80"),
    argument("--max-lines", type=number(1, 3), metavar="N", help="most lines a subtitle, 1 to 3"),
    durations.option("--max-duration", "longest time a subtitle shows, 1s to 60s", SubtitleOptions, "max_duration"),
    words("--speaker-style", STYLES, "how subtitles show who speaks (default: the preset's)"),
    switch("--reading-speed", "note the characters per second of each subtitle (vtt only)"),
)


def taken(options: dict[str, Any], formats: Collection[str]) -> SubtitleOptions | None:
    """Take the values of SUBTITLES out of a command's options; None if none is given.

    Raises UsageError for those without effect, which the server would refuse once the transcript is ready.
    """
    found = SubtitleOptions(
        preset=options.pop("subtitle_preset"),
        max_line_width=options.pop("max_line_width"),
        max_lines=options.pop("max_lines"),
        max_duration=options.pop("max_duration"),
        speaker_style=options.pop("speaker_style"),
        reading_speed_notes=options.pop("reading_speed"),
    )
    if found == SubtitleOptions():
        return None
    if SUBTITLE_FORMATS.isdisjoint(formats):
        raise UsageError(f"{flags(found).split()[0]} needs --format srt or --format vtt")
    if "srt" in formats and found.speaker_style == SubtitleOptions.SPEAKER_STYLE_VOICE:
        raise UsageError("--speaker-style voice needs --format vtt without srt")
    if "srt" in formats and found.reading_speed_notes:
        raise UsageError("--reading-speed needs --format vtt without srt")
    return found


def flags(options: SubtitleOptions | None) -> str:
    """Return the options as arguments, each with a space before it."""
    if options is None:
        return ""
    given: list[tuple[str, str]] = []
    if options.preset:
        given.append(("--subtitle-preset", _word(PRESETS, options.preset)))
    if options.HasField("max_line_width"):
        given.append(("--max-line-width", str(options.max_line_width)))
    if options.HasField("max_lines"):
        given.append(("--max-lines", str(options.max_lines)))
    if options.HasField("max_duration"):
        given.append(("--max-duration", _seconds(options.max_duration.ToTimedelta())))
    if options.speaker_style:
        given.append(("--speaker-style", _word(STYLES, options.speaker_style)))
    if options.reading_speed_notes:
        given.append(("--reading-speed", ""))
    return "".join(f" {flag} {value}".rstrip() for flag, value in given)


def _word(values: dict[str, Any], value: int) -> str:
    return next(word for word, each in values.items() if each == value)


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():g}s"
