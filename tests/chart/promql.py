"""Find the metrics and labels that a PromQL query names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SELECTOR = re.compile(rf"({NAME})\s*(?:\{{([^{{}}]*)\}})?")
MATCHER = re.compile(r"""(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*(?:,|$)""")
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
KEYWORDS = {"and", "or", "unless", "bool", "offset"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """A label of a selector, and the values that it names."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric of a query with its matchers."""

    metric: str
    matchers: tuple[Matcher, ...]


def groupings(query: str) -> set[str]:
    """Return the labels by which a query groups or joins."""
    return {label.strip() for _, labels in GROUPING.findall(query) for label in labels.split(",")} - {""}


def selectors(query: str) -> Iterator[Selector]:
    """Yield the selectors of a query. Raises ValueError for a selector that cannot be read."""
    text = re.sub(r"\[[^\]]*\]", "", GROUPING.sub(" ", query))
    for found in SELECTOR.finditer(text):
        called = text[found.end() :].lstrip().startswith("(")
        if called or found[1] in KEYWORDS or _inside_braces(text, found.start()):
            continue
        yield Selector(found[1], tuple(_matchers(found[2] or "")))


def _inside_braces(text: str, at: int) -> bool:
    return text.count("{", 0, at) > text.count("}", 0, at)


def _matchers(text: str) -> Iterator[Matcher]:
    rest = MATCHER.sub("", text.strip())
    if rest.strip():
        raise ValueError(f"not a matcher: {rest}")
    for label, how, value in MATCHER.findall(text.strip()):
        yield Matcher(label, tuple(value.split("|") if how in ("=~", "!~") else [value]))
