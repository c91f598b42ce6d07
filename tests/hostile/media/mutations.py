"""Bend a file by its structure: sizes, counts and numbers to their extremes; parts cut, doubled, swapped and nested."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from tests.data.media_files import _ogg_checksum
from tests.hostile.media.structure import Part, parts

MOST_BYTES = 300_000
NUMBERS = (0, 1, 2, 3, 7, 8, 16, 255, 1000, 0x7FFF, 0x8000, 0xFFFF, 768_001, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
LARGE = (2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
FLOATS = tuple(struct.pack(">d", value) for value in (0.0, -1.0, 1e300, 1e-300, float("nan"), float("inf"), 2.0**31))
HEAD = 48

Mutation = Callable[[bytes, list[Part], random.Random], tuple[str, bytes]]


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> tuple[str, bytes]:
    """Bend a file once to three times; return what was done, and the result."""
    done = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        found = parts(data)
        mutation = rng.choice((*MUTATIONS, *(() if rng.random() < 0.8 else (_graft(others),))))
        what, data = mutation(data, found, rng)
        done.append(what)
        data = data[:MOST_BYTES]
    if data.startswith(b"OggS") and rng.random() < 0.8:
        data = checked(data)
    return ", ".join(done), data


def checked(data: bytes) -> bytes:
    """Correct the checksums of Ogg pages, so that the decoder looks at what they hold."""
    changed = bytearray(data)
    for page in parts(data):
        if page.name == "page" and page.end - page.start < 10_000:
            changed[page.start + 22 : page.start + 26] = bytes(4)
            value = _ogg_checksum(bytes(changed[page.start : page.end]))
            struct.pack_into("<I", changed, page.start + 22, value)
    return bytes(changed)


def _put(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new[: len(data) - at] + data[at + len(new) :]


def _replace(data: bytes, found: list[Part], start: int, end: int, new: bytes, rng: random.Random) -> bytes:
    """Replace bytes; half of the time the sizes of what is around follow."""
    difference = len(new) - (end - start)
    if rng.random() < 0.5:
        for part in found:
            if part.width and part.body <= start and end <= part.end and (part.start, part.end) != (start, end):
                old = int.from_bytes(data[part.size_at : part.size_at + part.width], part.order)  # type: ignore[arg-type]
                size = (old + difference) % (1 << 8 * part.width)
                data = _put(data, part.size_at, size.to_bytes(part.width, part.order))  # type: ignore[arg-type]
    return data[:start] + new + data[end:]


def _size(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    sized = [part for part in found if part.width]
    if not sized:
        return _number(data, found, rng)
    part = rng.choice(sized)
    most = (1 << 8 * part.width) - 1
    old = int.from_bytes(data[part.size_at : part.size_at + part.width], part.order)  # type: ignore[arg-type]
    options = (0, 1, 2, 7, old - 1, old + 1, old * 2, old // 2, most, most - 1, most // 2, most // 2 + 1, len(data))
    value = rng.choice(options) & most
    return f"size of {part.name} {old} to {value}", _put(data, part.size_at, value.to_bytes(part.width, part.order))  # type: ignore[arg-type]


def _number(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    """Set a number in the beginning of a part, where rates, channels, bits and counts lie."""
    part = _early(found, rng)
    reach = max(1, min(HEAD, part.end - part.start))
    at = part.start + rng.randrange(reach)
    width = rng.choice((1, 2, 2, 4, 4, 4, 8))
    if width > 1 and rng.random() < 0.8:
        at = part.start + (at - part.start) // 2 * 2
    value = rng.choice((*NUMBERS, *LARGE) if width == 8 else NUMBERS) & (1 << 8 * width) - 1
    new = (
        rng.choice(FLOATS)
        if width == 8 and rng.random() < 0.4
        else value.to_bytes(width, rng.choice(("big", "little")))
    )
    return f"{part.name}+{at - part.start} to {new.hex()}", _put(data, at, new)


def _early(found: list[Part], rng: random.Random) -> Part:
    """Choose a part; those that begin the file, its headers, more often."""
    return rng.choice(found[:12] if rng.random() < 0.6 else found)


def _step(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    """Add to or take from a byte near a part's beginning."""
    part = _early(found, rng)
    at = min(part.start + rng.randrange(HEAD), len(data) - 1)
    if at < 0:
        return "nothing", data
    by = rng.choice((1, -1, 16, -16, 128))
    return f"{part.name}+{at - part.start} {by:+}", _put(data, at, bytes([data[at] + by & 255]))


def _cut(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    part = rng.choice(found)
    at = rng.choice((part.start, part.body, part.end, part.end - 1, part.body + 1, (part.body + part.end) // 2))
    return f"cut in {part.name} at {at}", data[: max(1, at)]


def _shorten(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    part = rng.choice(found)
    length = (part.end - part.body) // rng.choice((1, 2, 3))
    return f"{part.name} shortened by {length}", _replace(data, found, part.end - length, part.end, b"", rng)


def _drop(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    part = _early(found, rng)
    return f"no {part.name}", _replace(data, found, part.start, part.end, b"", rng)


def _double(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    part = _early(found, rng)
    whole = data[part.start : part.end]
    times = rng.choice((2, 2, 3, 50))
    times = min(times, 2 + MOST_BYTES // max(1, len(whole)))
    return f"{part.name} {times} times", _replace(data, found, part.start, part.end, whole * times, rng)


def _swap(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    first, second = sorted((rng.choice(found), rng.choice(found)), key=lambda part: part.start)
    if first.end > second.start:
        return _double(data, found, rng)
    middle = data[first.end : second.start]
    new = data[second.start : second.end] + middle + data[first.start : first.end]
    return f"{first.name} and {second.name} swapped", data[: first.start] + new + data[second.end :]


def _nest(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    """Put a part into itself, again and again."""
    part = _early(found, rng)
    head, whole = data[part.start : part.body], data[part.start : part.end]
    depth = rng.choice((1, 2, 30, 500))
    new = (head * depth)[:20_000] + whole
    return f"{part.name} nested {depth} deep", _replace(data, found, part.start, part.end, new, rng)


def _noise(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
    part = rng.choice(found)
    length = min(rng.choice((1, 4, 16, 200)), max(1, part.end - part.body))
    at = part.body + rng.randrange(max(1, part.end - part.body - length + 1))
    new = rng.choice((rng.randbytes(length), b"\xff" * length, bytes(length)))
    return f"noise in {part.name} at {at}", _put(data, at, new)


def _graft(others: list[bytes]) -> Mutation:
    """Return how to put a part of another file into this one."""

    def graft(data: bytes, found: list[Part], rng: random.Random) -> tuple[str, bytes]:
        other = rng.choice(others)
        part, place = rng.choice(parts(other)), rng.choice(found)
        new = other[part.start : part.end]
        return f"foreign {part.name} before {place.name}", _replace(data, found, place.start, place.start, new, rng)

    return graft


MUTATIONS: tuple[Mutation, ...] = (
    *((_size,) * 3),
    *((_number,) * 4),
    *((_step,) * 2),
    *(_cut, _shorten, _drop, _double, _swap, _nest, _noise),
)
