"""Live audio that the server does not take as it is: mixed, converted and resampled, with the words in their places."""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator, Sequence

import pytest
from locution.v1 import live_service_pb2 as pb
from locution_client.pcm import ENCODINGS, Layout, converted
from locution_client.resampling import Resampler
from locution_client.wave_stream import Sound, recognise

PCM, FLOAT, ALAW, MULAW = 1, 3, 6, 7

# Powers of two and the like: exact in every encoding of 16 bits and more.
VALUES = [0, 256, -256, 8192, -8192, 32512, -32768]


async def pieces(data: bytes, size: int = 997) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def wave(code: int, bits: int, channels: int, rate: int, data: bytes, *, extensible: bool = False) -> bytes:
    frame = bits // 8 * channels
    layout = struct.pack("<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * frame, frame, bits)
    if extensible:
        layout += struct.pack("<HHIH", 22, bits, 0, code) + bytes(14)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data\xff\xff\xff\xff" + data


async def samples(sound: Sound) -> list[int]:
    data = b"".join([piece async for piece in sound.data])
    return list(struct.unpack(f"<{len(data) // 2}h", data))


def written(code: int, bits: int, values: Sequence[int]) -> bytes:
    """Write samples of 16 bits in another encoding."""
    if code == FLOAT:
        return struct.pack(f"<{len(values)}{'f' if bits == 32 else 'd'}", *(value / 32768 for value in values))
    if bits == 8:
        return bytes((value >> 8) + 128 for value in values)
    return b"".join((value << bits - 16).to_bytes(bits // 8, "little", signed=True) for value in values)


def tone(hertz: float, rate: int, seconds: float, peak: float = 10_000.0) -> list[int]:
    return [round(peak * math.sin(2 * math.pi * hertz * at / rate)) for at in range(round(rate * seconds))]


def level(values: Sequence[float]) -> float:
    """Return the amplitude of a tone."""
    return math.sqrt(2 * sum(value * value for value in values) / len(values))


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("code", "bits"), [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)])
async def test_stereo_of_any_width_becomes_the_mean_of_its_channels(code: int, bits: int, extensible: bool) -> None:
    both = [value for pair in zip(VALUES, reversed(VALUES), strict=True) for value in pair]
    data = wave(code, bits, 2, 44_100, written(code, bits, both), extensible=extensible)
    sound = await recognise(pieces(data), None)
    assert (sound.encoding, sound.rate) == (pb.LiveConfig.ENCODING_PCM_S16LE, 44_100)
    mean = [(left + right) / 2 for left, right in zip(VALUES, reversed(VALUES), strict=True)]
    assert await samples(sound) == pytest.approx(mean, abs=0.5)


@pytest.mark.parametrize(("code", "bits"), [(PCM, 8), (PCM, 24), (PCM, 32), (FLOAT, 64)])
async def test_one_channel_keeps_its_samples(code: int, bits: int) -> None:
    sound = await recognise(pieces(wave(code, bits, 1, 48_000, written(code, bits, VALUES))), None)
    assert (sound.encoding, sound.rate) == (pb.LiveConfig.ENCODING_PCM_S16LE, 48_000)
    assert await samples(sound) == VALUES


@pytest.mark.parametrize(
    ("encoding", "known"),
    [
        ("mulaw", {0x00: -32124, 0x7F: 0, 0x80: 32124, 0xFF: 0, 0xEF: 132, 0x3C: -2364}),
        ("alaw", {0x2A: -32256, 0xAA: 32256, 0x55: -8, 0xD5: 8, 0x7A: -1008, 0x80: 5504}),
    ],
)
async def test_g711_is_decoded_by_its_table(encoding: str, known: dict[int, int]) -> None:
    """The values are those of ITU-T G.711, tables 1a to 2b, at full scale 32768."""
    assert list(ENCODINGS[encoding].decode(bytes(known))) == list(known.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
async def test_a_float_that_is_no_sample_is_silence(value: float) -> None:
    data = struct.pack("<3f", value, 2.0, -2.0)
    out = b"".join([piece async for piece in converted(pieces(data), Layout("f32le", 96_000, 1), 96_000)])
    assert struct.unpack("<3h", out) == (0, 32767, -32768)


@pytest.mark.parametrize("rate", [96_000, 192_000, 88_200, 11_127, 6_000])
async def test_a_rate_that_the_server_does_not_take_becomes_16_khz_in_step(rate: int) -> None:
    data = struct.pack(f"<{rate}h", *tone(1000, rate, 1.0))
    sound = await recognise(pieces(data, 8191), Layout("s16le", rate, 1))
    assert (sound.encoding, sound.rate) == (pb.LiveConfig.ENCODING_PCM_S16LE, 16_000)
    found, expected = await samples(sound), tone(1000, 16_000, 1.0)
    assert len(found) == 16_000
    assert max(abs(a - b) for a, b in zip(found[200:-200], expected[200:-200], strict=True)) < 20


@pytest.mark.parametrize(("hertz", "least", "most"), [(300, 0.999, 1.001), (6000, 0.999, 1.001), (10_000, 0.0, 2e-4)])
def test_what_16_khz_cannot_hold_is_no_tone_in_it(hertz: int, least: float, most: float) -> None:
    resampler = Resampler(96_000, 16_000)
    found = [*resampler.feed(tone(hertz, 96_000, 0.5)), *resampler.end()]
    assert least <= level(found[400:-400]) / 10_000 <= most


def test_pieces_of_any_size_give_the_same() -> None:
    sound = tone(440, 88_200, 0.2)
    whole, cut = Resampler(88_200, 16_000), Resampler(88_200, 16_000)
    expected = [*whole.feed(sound), *whole.end()]
    found = [value for at in range(0, len(sound), 7) for value in cut.feed(sound[at : at + 7])]
    assert [*found, *cut.end()] == expected
    assert Resampler(96_000, 16_000).end() == []


def interleaved(*channels: Sequence[int]) -> bytes:
    return b"".join(struct.pack(f"<{len(channels)}h", *frame) for frame in zip(*channels, strict=True))


async def mixed(*channels: Sequence[int]) -> list[int]:
    return await samples(await recognise(pieces(interleaved(*channels)), Layout("s16le", 16_000, len(channels))))


async def test_channels_in_antiphase_do_not_cancel() -> None:
    sound = tone(440, 16_000, 0.5)
    assert await mixed(sound, [-value for value in sound]) == sound
    weaker = [round(-0.9 * value) for value in sound]
    assert await mixed(weaker, sound) == sound


async def test_dead_channels_cost_no_level() -> None:
    sound = tone(440, 16_000, 0.5)
    assert await mixed([0] * len(sound), sound, *[[0] * len(sound)] * 4) == sound


async def test_two_people_on_two_channels_are_both_heard() -> None:
    first, second = tone(440, 16_000, 0.5), tone(700, 16_000, 0.5)
    silence = [0] * len(first)
    found = await mixed(first + silence, silence + second)
    assert found[: len(first) - 250] == first[:-250]  # up to the piece in which the second begins
    assert level(found[len(first) + 2000 :]) == pytest.approx(5000, rel=0.01)


@pytest.mark.parametrize("rest", [1, 2, 3, 5])
async def test_part_of_a_sample_at_the_end_is_no_error(rest: int) -> None:
    whole = await samples(await recognise(pieces(bytes(range(60))), Layout("s24le", 96_000, 2)))
    cut = await samples(await recognise(pieces(bytes(range(60)) + b"x" * rest), Layout("s24le", 96_000, 2)))
    assert cut == whole
    assert len(cut) == 2  # of ten samples at 96 kHz
    assert await samples(await recognise(pieces(b""), Layout("s24le", 96_000, 2))) == []
