"""Turn PCM of any layout into one channel of 16-bit samples, with the standard library alone."""

from __future__ import annotations

import sys
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final

from locution_client.resampling import Resampler

PEAK: Final = 1 << 15
"""Full scale of the samples between decoding and encoding."""

MOST_CHANNELS: Final = 64

FALLBACK_RATE: Final = 16_000
"""Hertz to which a rate is changed that the server does not take: what its models hear.

The client shares no code with the services, so it says so itself.
"""

CANCELS: Final = 0.25
"""The power of a mix relative to that of unrelated channels, below which the channels cancel each other: 6 dB."""

DEAD: Final = 10**-4.6
"""The power of a channel relative to the loudest, both since the start, below which it is dead: 46 dB."""

HALVED_AFTER: Final = 0.5
"""Seconds after which power counts half when a mix is judged."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Samples: one of ENCODINGS, samples per second, and interleaved channels."""

    encoding: str
    rate: int
    channels: int

    @property
    def frame(self) -> int:
        """Return the bytes of one sample of all channels."""
        return ENCODINGS[self.encoding].width * self.channels


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a sample is written: its bytes, and what turns many of them into numbers of full scale PEAK."""

    width: int
    decode: Callable[[bytes], Sequence[float]]


class Downmix:
    """Mixes the channels that are not dead by their mean; where they cancel each other, the loudest goes alone."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._totals = [0.0] * layout.channels
        self._powers = [0.0] * layout.channels
        self._mixed = 0.0

    def mix(self, samples: Sequence[float]) -> Sequence[float]:
        """Return one channel of interleaved samples."""
        count = self._layout.channels
        if count == 1:
            return samples
        channels = [samples[channel::count] for channel in range(count)]
        powers = [_power(channel) for channel in channels]
        self._totals = [total + power for total, power in zip(self._totals, powers, strict=True)]
        least = max(self._totals) * DEAD
        living = [channel for channel, total in zip(channels, self._totals, strict=True) if total >= least]
        mixed = [sum(frame) / len(living) for frame in zip(*living, strict=True)]
        decay = 0.5 ** (len(mixed) / (self._layout.rate * HALVED_AFTER))
        self._powers = [held * decay + power for held, power in zip(self._powers, powers, strict=True)]
        self._mixed = self._mixed * decay + _power(mixed)
        loudest = max(self._powers)
        cancels = self._mixed < loudest / len(living) * CANCELS
        return channels[self._powers.index(loudest)] if cancels else mixed


async def converted(source: AsyncIterator[bytes], layout: Layout, rate: int) -> AsyncIterator[bytes]:
    """Yield PCM s16le with one channel at a rate. Bytes at the end that are no whole sample are dropped."""
    downmix = Downmix(layout)
    resampler = None if rate == layout.rate else Resampler(layout.rate, rate)
    decode, rest = ENCODINGS[layout.encoding].decode, b""
    async for data in source:
        rest += data
        whole = len(rest) - len(rest) % layout.frame
        samples = downmix.mix(decode(rest[:whole]))
        rest = rest[whole:]
        if encoded := _s16(samples if resampler is None else resampler.feed(samples)):
            yield encoded
    if resampler is not None and (encoded := _s16(resampler.end())):
        yield encoded


def _power(samples: Sequence[float]) -> float:
    return float(sum(map(mul, samples, samples)))


def _s16(samples: Iterable[float]) -> bytes:
    return _little(array("h", (max(-PEAK, min(PEAK - 1, round(value))) for value in samples))).tobytes()


def _little(values: array[int] | array[float]) -> array[int] | array[float]:
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _numbers(code: str, scale: float) -> Callable[[bytes], Sequence[float]]:
    """Return a decoder of numbers that `array` knows; a float that is no number is silence."""

    def decode(data: bytes) -> Sequence[float]:
        values = _little(array(code, data))
        return [value * scale if abs(value * scale) < PEAK * PEAK else 0.0 for value in values]

    return decode


def _s24(data: bytes) -> Sequence[float]:
    padded = bytearray(len(data) // 3 * 4)
    for place in range(3):
        padded[place + 1 :: 4] = data[place::3]
    return _numbers("i", 2**-16)(bytes(padded))


def _looked_up(table: Sequence[int]) -> Callable[[bytes], Sequence[float]]:
    return lambda data: [table[byte] for byte in data]


def _mulaw(byte: int) -> int:
    """Decode a byte of mu-law (ITU-T G.711)."""
    code = ~byte & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _alaw(byte: int) -> int:
    """Decode a byte of A-law (ITU-T G.711)."""
    code = byte ^ 0x55
    exponent, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = mantissa + 8 if exponent == 0 else mantissa + 0x108 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


ENCODINGS: Final[Mapping[str, Encoding]] = {
    "u8": Encoding(1, _looked_up([(byte - 128) << 8 for byte in range(256)])),
    "s16le": Encoding(2, _numbers("h", 1.0)),
    "s24le": Encoding(3, _s24),
    "s32le": Encoding(4, _numbers("i", 2**-16)),
    "f32le": Encoding(4, _numbers("f", PEAK)),
    "f64le": Encoding(8, _numbers("d", PEAK)),
    "mulaw": Encoding(1, _looked_up([_mulaw(byte) for byte in range(256)])),
    "alaw": Encoding(1, _looked_up([_alaw(byte) for byte in range(256)])),
}
