"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import TypeAlias

from locution_client.transcripts import FORMATS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name

JOB = re.compile(r"(?:jobs/)?([a-z0-9-]{1,64})")
WEBHOOK = re.compile(r"(?:webhooks/)?([a-z0-9-]{1,64})")
VOICE = re.compile(r"(?:voices/)?([a-z0-9-]{1,64})")
SPEAKER = re.compile(r"SPEAKER_[0-9]{2,4}")
DELIVERY = re.compile(r"webhooks/[a-z0-9-]{1,64}/deliveries/[a-z0-9-]{1,64}")
TAG = re.compile(r"(?:tags/)?([A-Za-z0-9_.:-]{1,64})")
SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
WEIGHT = re.compile(r"(?:models/)?([A-Za-z0-9._-]{1,64}/[A-Za-z0-9._-]{1,64})")


def action(actions: Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    """Add a verb that takes --json."""
    made = actions.add_parser(name, help=text)
    add_json(made)
    made.set_defaults(run=run)
    return made


def job(text: str) -> str:
    """Accept `jobs/ID` and `ID`."""
    found = JOB.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no job: give jobs/ID, as `locution jobs list` shows it")
    return f"jobs/{found[1]}"


def webhook(text: str) -> str:
    """Accept `webhooks/ID` and `ID`."""
    found = WEBHOOK.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no webhook: give webhooks/ID, as `locution webhooks list` shows it"
        )
    return f"webhooks/{found[1]}"


def voice(text: str) -> str:
    """Accept `voices/ID` and `ID`."""
    found = VOICE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no voice: give voices/ID, as `locution voices list` shows it")
    return f"voices/{found[1]}"


def speaker(text: str) -> str:
    """Accept a speaker's label."""
    if SPEAKER.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no speaker: give SPEAKER_00 and so on, as the transcript does")
    return text


def delivery(text: str) -> str:
    """Accept `webhooks/ID/deliveries/ID`."""
    if DELIVERY.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no delivery: `locution webhooks deliveries` shows their names")
    return text


def tag(text: str) -> str:
    """Accept a tag."""
    found = TAG.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f'{text!r} is no tag: 1 to 64 letters, digits, "_", "-", "." and ":"')
    return found[1]


def span(text: str) -> timedelta:
    """Accept a length of time: `90`, `90s`, `15m`, `1h30m`."""
    found = SPAN.fullmatch(text)
    if found is None or not any(found.groups()):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: give it as 90s, 15m or 1h30m")
    return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0), seconds=float(found[3] or 0))


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


def add_format(parser: argparse.ArgumentParser, *, otherwise: str) -> None:
    """Add --format and --output; `otherwise` says what happens without a format."""
    parser.add_argument("--format", choices=sorted(FORMATS), help=f"kind of file ({otherwise})")
    parser.add_argument("--output", metavar="PATH", help="file or folder to write to (standard output)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON")
