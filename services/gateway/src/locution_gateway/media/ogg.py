"""Find the links of a chained Ogg (RFC 3533, section 4): recordings put one behind the other; standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

_HEADER: Final = 27
_FIRST: Final = 2
_BLOCK: Final = 1 << 20
_MOST_LINKS: Final = 4096


def links(descriptor: int, size: int) -> list[int]:
    """Return where links begin; the first is 0. Links beyond 4096 belong to the last."""
    found, headers = [0], True
    for at, flags in _pages(descriptor, size):
        begins = bool(flags & _FIRST)
        if begins and not headers:
            found.append(at)
            if len(found) == _MOST_LINKS:
                break
        headers = begins
    return found


def _pages(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Give the position and the flags of each page; bytes between pages are skipped."""
    block, start, at = b"", 0, 0
    while at + _HEADER <= size:
        if at + _HEADER + 255 > start + len(block) and start + len(block) < size:
            block, start = os.pread(descriptor, _BLOCK, at), at
        place = at - start
        if block[place : place + 4] != b"OggS":
            found = block.find(b"OggS", place + 1)
            at = start + (found if found >= 0 else max(len(block) - 3, place + 1))
            if found < 0 and start + len(block) >= size:
                return
            continue
        if place + _HEADER > len(block):
            return
        segments = block[place + 26]
        yield at, block[place + 5]
        at += _HEADER + segments + sum(block[place + _HEADER : place + _HEADER + segments])
