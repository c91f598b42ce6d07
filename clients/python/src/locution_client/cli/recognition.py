"""Options of speech recognition, shared by the commands that send audio."""

from __future__ import annotations

from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from locution.v1 import job_config_pb2 as pb

from locution_client.cli import durations, naming
from locution_client.cli.arguments import argument, bounded, fraction, number, one_of, pattern, several, words
from locution_client.cli.output import UsageError
from locution_client.pcm import ENCODINGS, MOST_CHANNELS, Layout
from locution_client.rules import rules
from locution_client.sources import STDIN

T = TypeVar("T")

UPLOADED: Final = {
    name.removeprefix("ENCODING_").removeprefix("PCM_").lower(): value
    for name, value in pb.AudioFormat.Encoding.items()
    if value
}
"""Encodings of uploaded samples without a header."""

HEADERLESS: Final = frozenset({".alaw", ".f32le", ".mulaw", ".pcm", ".raw", ".s16le", ".ulaw"})
"""Endings of the names of files that have no header."""

_HEADERS: Final = (b"RIFF", b"RF64", b"OggS", b"fLaC", b"ID3", b"FORM", b"caff", b".snd", b"\x1aE\xdf\xa3")


def _within(text: str, parse: Callable[[str], T], what: str) -> T:
    try:
        return parse(text)
    except ArgumentTypeError as error:
        raise ArgumentTypeError(f"{what} {error}") from None


def _layout(
    encodings: Mapping[str, T], rate: Callable[[str], int], channels: Callable[[str], int]
) -> Callable[[str], tuple[T, int, int]]:
    """Return a parser of ENCODING:RATE or ENCODING:RATE:CHANNELS."""

    def parse(text: str) -> tuple[T, int, int]:
        parts = text.split(":")
        if not 2 <= len(parts) <= 3:
            raise ArgumentTypeError(f"{text!r} is not ENCODING:RATE:CHANNELS, for example s16le:16000:1")
        encoding, hertz, count = (*parts, "1")[:3]
        return (
            _within(encoding, one_of(encodings), "encoding"),
            _within(hertz, rate, "rate"),
            _within(count, channels, "channels"),
        )

    return parse


def _uploaded(text: str) -> pb.AudioFormat:
    parse = _layout(UPLOADED, bounded(pb.AudioFormat, "sample_rate_hertz"), bounded(pb.AudioFormat, "channels"))
    encoding, rate, channels = parse(text)
    return pb.AudioFormat(encoding=encoding, sample_rate_hertz=rate, channels=channels)


def _streamed(text: str) -> Layout:
    names = {name: name for name in ENCODINGS}
    return Layout(*_layout(names, bounded(pb.AudioFormat, "sample_rate_hertz"), number(1, MOST_CHANNELS))(text))


def _text(text: str) -> str:
    longest = rules(pb.JobConfig, "prompt").string.max_len
    if len(text) > longest:
        raise ArgumentTypeError(f"the prompt has {len(text)} characters. At most {longest} are allowed")
    return text


def _hotwords(text: str) -> list[str]:
    """Read words with commas between them, or with @FILE a file of one on each line."""
    if not text.startswith("@"):
        return [word for each in text.split(",") if (word := each.strip())]
    try:
        lines = Path(text[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise ArgumentTypeError(f"{text[1:]}: {getattr(error, 'strerror', None) or error}") from None
    return [word for line in lines if (word := line.strip())]


PROMPT: Final = argument("--prompt", type=_text, metavar="TEXT", help="text that sets style and vocabulary")
HOTWORDS: Final = argument(
    "--hotwords",
    action="extend",
    type=_hotwords,
    metavar="WORD[,WORD]|@FILE",
    help="words to prefer; @FILE reads one from each line; repeatable",
)
UPLOADED_FORMAT: Final = argument(
    "--audio-format",
    type=_uploaded,
    metavar="ENCODING:RATE[:CHANNELS]",
    help=f"layout of files without a header, for example s16le:16000:1; encodings: {', '.join(UPLOADED)}",
)
STREAMED_FORMAT: Final = argument(
    "--audio-format",
    type=_streamed,
    metavar="ENCODING:RATE[:CHANNELS]",
    help=f"layout of samples without a header, for example s24le:48000:2; encodings: {', '.join(ENCODINGS)}",
)
DECODING: Final = (
    words("--task", naming.words(pb.Task.items(), "TASK_"), "what to produce: text as spoken, or English"),
    argument(
        "--language-candidates",
        action="extend",
        type=several(str),
        metavar="xx[,xx]",
        help="detect among these languages only",
    ),
    PROMPT,
    HOTWORDS,
    words(
        "--channels",
        naming.words(pb.ChannelMode.items(), "CHANNEL_MODE_"),
        "mix the channels, or transcribe each separately (default: mix)",
        dest="channel_mode",
    ),
    argument(
        "--track",
        type=pattern(
            rules(pb.JobConfig, "track").string.pattern, "Not a track. Use a number from 0, a language or all."
        ),
        metavar="N|xx|all",
        help="audio track of a file that has several: its number from 0, its language, or all as separate channels"
        " (default: the best one)",
    ),
    UPLOADED_FORMAT,
    words("--decode-mode", naming.words(pb.DecodeMode.items(), "DECODE_MODE_"), "how the decoder works"),
    argument(
        "--beam-size", type=bounded(pb.JobConfig, "beam_size"), metavar="N", help="width of the beam search, 1 to 10"
    ),
    argument(
        "--max-temperature",
        type=fraction(pb.JobConfig, "max_temperature"),
        metavar="X",
        help="highest sampling temperature of a repeated decode, 0 to 1 (default: 0)",
    ),
    argument("--word-times", action=BooleanOptionalAction, help="give words their times (default: on)"),
    durations.option(
        "--retention", "delete job, transcript and audio this long after the end", pb.JobConfig, "retention"
    ),
)
"""The options of JobConfig, except the language, the models and the speakers."""


def check_headers(paths: Sequence[Path], layout: pb.AudioFormat | None) -> None:
    """Refuse files that by their names have no header, and have none, without a layout. Raises UsageError, OSError."""
    if layout is not None:
        return
    for path in paths:
        if path.suffix.lower() in HEADERLESS and path != STDIN and path.is_file() and not _has_header(path):
            raise UsageError(f"{path} has no header. State its format, for example --audio-format s16le:16000:1")


def _has_header(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith(_HEADERS) or head[4:8] == b"ftyp"
