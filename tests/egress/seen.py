"""What was seen, beside what is expected."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

EXPECTED = Path(__file__).with_name("expected.toml")


@dataclass(frozen=True, slots=True)
class Seen:
    """How often each name was looked up, and how many packets went to each destination."""

    names: Counter[str]
    destinations: Counter[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """Patterns of names and destinations, each with who asks for it and why."""

    names: Mapping[str, str]
    destinations: Mapping[str, str]


def expected(path: Path = EXPECTED) -> Expected:
    """Read the committed list."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    return Expected(read.get("names", {}), read.get("destinations", {}))


def report(seen: Seen, allowed: Expected) -> tuple[str, bool]:
    """Return everything that was seen, as text, and whether any of it was not expected."""
    lines, surprised = [], False
    for what, counts, patterns in (
        ("looked up", seen.names, allowed.names),
        ("packets to", seen.destinations, allowed.destinations),
    ):
        for name, count in sorted(counts.items()):
            why = next((why for pattern, why in patterns.items() if fnmatchcase(name, pattern)), None)
            surprised |= why is None
            lines.append(f"{what} {name} ({count}): {why or 'NOT EXPECTED'}\n")
    lines.append(f"{len(seen.names)} names and {len(seen.destinations)} destinations were seen\n")
    return "".join(lines), surprised
