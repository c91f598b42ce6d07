"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from typing import TypeAlias

from locution_client.transcripts import FORMATS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name

JOB = re.compile(r"(?:jobs/)?([a-z0-9-]{1,64})")
WEIGHT = re.compile(r"(?:models/)?([A-Za-z0-9._-]{1,64}/[A-Za-z0-9._-]{1,64})")


def job(text: str) -> str:
    """Accept `jobs/ID` and `ID`."""
    found = JOB.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no job: give jobs/ID, as `locution jobs list` shows it")
    return f"jobs/{found[1]}"


def weight(text: str) -> str:
    """Accept `SET/WEIGHT`."""
    found = WEIGHT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no model: give SET/WEIGHT, for example whisper/base")
    return found[1]


def count(text: str) -> int:
    """Accept a number of speakers."""
    number = int(text)
    if not 1 <= number <= 50:
        raise argparse.ArgumentTypeError(f"{number} is not from 1 to 50")
    return number


def add_format(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    """Add --format and --output."""
    shown = f" ({default})" if default else " (none: no transcript is fetched)"
    parser.add_argument("--format", choices=sorted(FORMATS), default=default, help=f"kind of file{shown}")
    parser.add_argument("--output", metavar="PATH", help="file or folder to write to (standard output)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON")
