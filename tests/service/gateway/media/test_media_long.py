"""What is too long is refused by its first bytes; a stated length alone refuses nothing."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import cache

import av
import pytest
from locution_common.errors import Reason
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeLimits, DecodeSpec

from tests.data import media_files as files
from tests.service.gateway.media.support import Dropped, children, children_seconds, peak_memory, pieces
from tests.support.refusals import refusal

DAY = 24 * 3600
SERIAL = 7
SILENCE = b"\xf8\xff\xfe"  # Opus, 20 ms
PACKETS = 50
SECONDS = 10
LONG = [
    ("flac", "flac", 44_100),
    ("mp3", "libmp3lame", 44_100),
    ("mp4", "aac", 44_100),
    ("ipod", "alac", 44_100),
    ("webm", "libopus", 48_000),
    ("matroska", "flac", 44_100),
    ("caf", "alac", 44_100),
    ("wav", "pcm_s16le", 8_000),
    ("caf", "pcm_s16le", 8_000),
    ("ogg", "libopus", 48_000),
]


@cache
def contributions(length: int, places: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Return what each value of some bytes of a page adds to its checksum, which is linear."""
    found = {}
    for place in places:
        for bit in range(8):
            page = bytearray(length)
            page[place] = 1 << bit
            found[place, 1 << bit] = files._ogg_checksum(bytes(page))
    return found


def opus(seconds: int, *, start: int = 0, lie: int | None = None) -> Iterator[bytes]:
    """Give an Ogg file of Opus silence, one page a second; its last granule position may lie."""
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 312, 48_000, 0, 0)
    yield files.ogg_page(SERIAL, 0, 2, head, 0)
    yield files.ogg_page(SERIAL, 1, 0, b"OpusTags" + struct.pack("<II", 0, 0), 0)
    body = bytes([PACKETS]) + bytes([len(SILENCE)]) * PACKETS + SILENCE * PACKETS
    places = (5, *range(6, 14), *range(18, 22))
    blank = b"OggS\0" + struct.pack("<BqIIII", 0, 0, SERIAL, 0, 0, 0)[:21] + body
    base, adds = files._ogg_checksum(blank), contributions(len(blank), places)
    for number in range(seconds):
        last = number == seconds - 1
        granule = lie if last and lie is not None else (start + number + 1) * 48_000
        page = bytearray(blank)
        struct.pack_into("<Bq", page, 5, 4 if last else 0, granule)
        struct.pack_into("<I", page, 18, number + 2)
        checksum = base
        for place in places:
            for bit in range(8):
                if page[place] >> bit & 1:
                    checksum ^= adds[place, 1 << bit]
        struct.pack_into("<I", page, 22, checksum)
        yield bytes(page)


def limited(seconds: int) -> DecodeSpec:
    return DecodeSpec(limits=DecodeLimits(media_seconds=seconds))


async def test_a_day_of_opus_is_refused_within_two_seconds() -> None:
    data, sink = b"".join(opus(DAY)), Dropped()
    before = children_seconds()
    async with peak_memory() as peak:
        with refusal(Reason.MEDIA_TOO_LONG):
            await decode(pieces(data), limited(DAY - 3600), sink)
    assert children_seconds() - before < 2
    assert sink.taken < 120 * 32_000
    assert peak[0] < 128 << 20
    assert not children()


async def test_opus_within_the_limit_decodes() -> None:
    report = await decode(pieces(b"".join(opus(60))), limited(60), Dropped())
    assert report.seconds == pytest.approx(60, abs=0.1)
    assert report.warnings == ()


@pytest.mark.parametrize("granule", [2 * DAY * 48_000, 2**62, 1])
async def test_a_short_opus_whose_last_position_lies_decodes(granule: int) -> None:
    report = await decode(pieces(b"".join(opus(60, lie=granule))), DecodeSpec(), Dropped())
    assert report.seconds == pytest.approx(60, abs=1.1)  # the last page may be cut by its own position


async def test_opus_cut_out_of_an_endless_stream_decodes() -> None:
    report = await decode(pieces(b"".join(opus(60, start=3 * DAY))), DecodeSpec(), Dropped())
    assert report.seconds == pytest.approx(60, abs=0.1)


async def test_a_forged_position_lets_nothing_longer_through() -> None:
    sink = Dropped()
    with refusal(Reason.MEDIA_TOO_LONG):
        await decode(pieces(b"".join(opus(120, lie=48_000))), limited(60), sink)
    assert sink.taken <= 60 * 32_000


@cache
def media(container: str, codec: str, rate: int) -> bytes:
    channels = [files.tone(SECONDS, rate), files.tone(SECONDS, rate)]
    return files.encode(container, codec, channels, rate)


@cache
def repeated(container: str, codec: str, rate: int, times: int) -> bytes:
    """Write the packets of ten seconds again and again."""
    written = io.BytesIO()
    with av.open(io.BytesIO(media(container, codec, rate)), "r") as source, av.open(written, "w", container) as output:
        packets = [bytes(packet) for packet in source.demux(audio=0) if packet.size and not packet.is_discard]
        given = source.streams.audio[0]
        stream = output.add_stream_from_template(given)
        assert given.time_base is not None
        length = round(SECONDS / given.time_base / len(packets))
        for number in range(len(packets) * times):
            packet = av.Packet(packets[number % len(packets)])
            packet.stream, packet.time_base = stream, given.time_base
            packet.pts = packet.dts = number * length
            packet.duration = length
            output.mux(packet)
    data = bytearray(written.getvalue())
    if container == "flac":
        data[21:26] = (data[21] & 0xF0, *(SECONDS * times * rate).to_bytes(4, "big"))
    return bytes(data)


def overstated(container: str, data: bytes) -> bytes:
    """State a length of hours in a container's headers."""
    changed = bytearray(data)
    match container:
        case "flac":
            changed[21] |= 0x0F
            changed[22:26] = b"\xff" * 4
        case "mp3":
            at = max(data.find(b"Xing"), data.find(b"Info"))
            changed[at + 8 : at + 12] = b"\x7f\xff\xff\xff"
        case "mp4" | "ipod":
            for name, place in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
                at = data.index(name) + place
                changed[at : at + 4] = b"\x7f\xff\xff\xff"
        case "webm" | "matroska":
            at = data.index(b"\x44\x89\x88") + 3
            changed[at : at + 8] = struct.pack(">d", 1e9)
        case "caf":
            at = data.index(b"desc") + 32
            changed[at : at + 4] = struct.pack(">I", 1 << 28)
        case "wav":
            at = data.index(b"data") + 4
            changed[at : at + 4] = struct.pack("<I", 0x7000_0000)
    return bytes(changed)


@pytest.mark.parametrize(("container", "codec", "rate"), LONG)
async def test_an_hour_is_refused_by_its_first_bytes(container: str, codec: str, rate: int) -> None:
    data, sink = repeated(container, codec, rate, 360), Dropped()
    before = children_seconds()
    with refusal(Reason.MEDIA_TOO_LONG):
        await decode(pieces(data), limited(3000), sink, size=len(data))
    assert children_seconds() - before < 2
    assert sink.taken < 30 * 32_000
    assert not children()


@pytest.mark.parametrize(("container", "codec", "rate"), LONG[:-2])
async def test_what_overstates_its_length_decodes(container: str, codec: str, rate: int) -> None:
    data = media(container, codec, rate)
    forged = overstated(container, data)
    assert forged != data
    report = await decode(pieces(forged), limited(3600), Dropped(), size=len(forged))
    assert report.seconds == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize("stated", [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_FF00, 0x7FFF_F000, 0x7FFF_EFFF, 0x7FFF_EFFC, 0])
async def test_a_streamed_wave_is_as_long_as_its_size(stated: int) -> None:
    data, sink = files.wave(bytes(200 * 16_000), 8000, data_size=stated), Dropped()
    with refusal(Reason.MEDIA_TOO_LONG):
        await decode(pieces(data), limited(100), sink, size=len(data))
    assert sink.taken < 10 * 32_000
    assert (await decode(pieces(data), limited(200), Dropped(), size=len(data))).seconds == 200
