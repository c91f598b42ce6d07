"""Durations on the command line: `90s`, `15m`, `36h`, `7d`, and sums like `1h30m`."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta

from buf.validate.validate_pb2 import DurationRules
from google.protobuf.message import Message

from locution_client.cli.arguments import Argument, argument
from locution_client.rules import rules

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
PATTERN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", re.ASCII)
LONGEST = timedelta(days=36_500)
"""The longest duration; a time this far in the future still fits a timestamp."""


def option(flag: str, text: str, message: type[Message] | None = None, field: str = "") -> Argument:
    """Declare an option that takes a duration within the bounds of a proto field."""
    return argument(flag, type=duration(message, field), metavar="DURATION", help=text)


def duration(message: type[Message] | None = None, field: str = "") -> Callable[[str], timedelta]:
    """Return a parser of durations within the bounds of a proto field, and from 0s to LONGEST."""
    bounds = DurationRules() if message is None else rules(message, field).duration
    least, above = bounds.gte.ToTimedelta(), bounds.HasField("gt")
    most = bounds.lte.ToTimedelta() if bounds.HasField("lte") else LONGEST

    def parse(text: str) -> timedelta:
        found = read(text)
        if not least <= found <= most or (above and not found):
            lowest = "more than 0s" if above else f"at least {written(least)}"
            raise ArgumentTypeError(f"{text!r} is out of range. Use {lowest} and at most {written(most)}.")
        return found

    return parse


def read(text: str) -> timedelta:
    """Read a duration; a number without a unit is in seconds."""
    found = PATTERN.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ArgumentTypeError(f"{text!r} is not a duration. Use for example 90s, 15m, 36h, 7d or 1h30m.")
    try:
        pairs = zip(UNITS.values(), found.groups(default="0"), strict=True)
        return sum((unit * float(count) for unit, count in pairs), timedelta())
    except OverflowError:
        return timedelta.max


def written(length: timedelta) -> str:
    """Write a duration in its largest unit that divides it."""
    name, unit = next(((name, unit) for name, unit in UNITS.items() if length and not length % unit), ("s", UNITS["s"]))
    return f"{length / unit:g}{name}"
