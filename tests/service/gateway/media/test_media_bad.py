"""Bad media ends as a clear error: in bounded time and memory, with nothing contacted and no neighbour read."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.media.decode import decode
from locution_gateway.media.models import ChannelMode, DecodeLimits, DecodeSpec

from tests.data import media_files as files
from tests.service.gateway.media.support import Dropped, Kept, children, children_seconds, peak_memory, pieces
from tests.support.refusals import refusal

MIB = 1 << 20
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "MEDIA_EMPTY"),
    "text": (lambda: b"This is a letter, not a recording.\n" * 5000, "MEDIA_UNRECOGNISED"),
    "zip": (lambda: b"PK\x03\x04" + random.Random(1).randbytes(50_000), "MEDIA_UNRECOGNISED"),
    "noise": (lambda: random.Random(2).randbytes(200_000), "MEDIA_ENCODING_REQUIRED"),
    "zeros": (lambda: bytes(200_000), "MEDIA_ENCODING_REQUIRED"),
    "picture": (files.png, "MEDIA_NO_AUDIO"),
    "silent film": (files.silent_film, "MEDIA_NO_AUDIO"),
    "wave without samples": (lambda: files.wave(b""), "MEDIA_CORRUPT"),
    "wave of rate 0": (lambda: files.wave(bytes(1000), rate=0), "MEDIA_CORRUPT"),
    "wave of an absurd rate": (lambda: files.wave(bytes(1000), rate=2_000_000_000), "MEDIA_CORRUPT"),
    "wave of no channels": (lambda: files.wave(bytes(1000), channels=0), "MEDIA_CORRUPT"),
    "wave of 65535 channels": (lambda: files.wave(bytes(300_000), channels=65_535), "MEDIA_CORRUPT"),
    "wave of 65 channels": (lambda: files.wave(bytes(65_000), channels=65), "MEDIA_TOO_COMPLEX"),
    "wave of a codec that is not decoded": (
        lambda: files.encode("wav", "dfpwm", [files.tone(1)], files.RATE),
        "MEDIA_CODEC_UNSUPPORTED",
    ),
    "SILK": (lambda: b"\x02#!SILK_V3" + random.Random(5).randbytes(5000), "MEDIA_CODEC_UNSUPPORTED"),
    "transport stream of noise": (
        lambda: b"".join(b"\x47" + random.Random(number).randbytes(187) for number in range(400)),
        "MEDIA_CORRUPT",
    ),
    "APE of noise": (lambda: b"MAC " + random.Random(6).randbytes(9000), "MEDIA_CORRUPT"),
    "wave of noise for a header": (
        lambda: b"RIFF\xff\xff\xff\xffWAVE" + random.Random(3).randbytes(5000),
        "MEDIA_CORRUPT",
    ),
    "mp4 of noise": (lambda: files.box(b"ftyp", b"isom") + random.Random(4).randbytes(90_000), "MEDIA_CORRUPT"),
    "mp4 without an index": (lambda: files.box(b"ftyp", b"isom") + files.box(b"mdat", bytes(90_000)), "MEDIA_CORRUPT"),
    "10000 streams in mp4": (lambda: files.mp4_with_streams(10_000), "MEDIA_TOO_COMPLEX"),
    "10000 streams in matroska": (lambda: files.matroska_with_streams(10_000), "MEDIA_TOO_COMPLEX"),
    "10000 streams in ogg": (lambda: files.ogg_with_streams(10_000), "MEDIA_TOO_COMPLEX"),
}


PLAYLISTS: dict[str, Callable[[int, Path], bytes]] = {
    "m3u8": lambda port, _: f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n".encode(),
    "m3u8 of a file": lambda _, path: f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n".encode(),
    "ffconcat": lambda _, path: f"ffconcat version 1.0\nfile '{path}'\n".encode(),
    "ffconcat of a url": lambda port, _: f"ffconcat version 1.0\nfile 'tcp://127.0.0.1:{port}'\n".encode(),
    "sdp": lambda port, _: (
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n".encode()
    ),
    "pls": lambda port, _: f"[playlist]\nFile1=http://127.0.0.1:{port}/a.mp3\nNumberOfEntries=1\n".encode(),
    "dash": lambda port, _: (
        f'<?xml version="1.0"?><MPD><Period><BaseURL>http://127.0.0.1:{port}/</BaseURL></Period></MPD>'.encode()
    ),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
async def test_bad_media_is_refused_by_name_soon_and_in_little_memory(make: Callable[[], bytes], reason: str) -> None:
    data, sink, before = make(), Dropped(), children_seconds()
    async with peak_memory() as peak:
        with pytest.raises(Refused) as caught:
            await decode(pieces(data), DecodeSpec(), sink)
    assert caught.value.reason == reason
    assert sink.taken <= 64_000
    assert children_seconds() - before < 5
    assert peak[0] < 128 * MIB
    assert not children()


@pytest.mark.parametrize("playlist", PLAYLISTS.values(), ids=PLAYLISTS)
async def test_playlists_reach_neither_the_network_nor_a_neighbour(
    playlist: Callable[[int, Path], bytes], tmp_path: Path
) -> None:
    neighbour = tmp_path / "neighbour.wav"
    neighbour.write_bytes(files.wave(files.tone(2).tobytes()))
    async with listeners() as (port, contacts):
        sink = Kept()
        for data in (playlist(port, neighbour), playlist(port, neighbour).ljust(100_000, b"\n")):
            with pytest.raises(Refused) as caught:
                await decode(pieces(data), DecodeSpec(), sink)
            assert caught.value.reason == "MEDIA_UNRECOGNISED"
        assert contacts() == []
    assert sink.opening is None


async def test_an_mp4_whose_data_lies_in_another_file_reads_none_of_it(tmp_path: Path) -> None:
    neighbour = tmp_path / "neighbour.wav"
    neighbour.write_bytes(b"\x7f" * 64_000)
    sink = Kept()
    with suppress(Refused):
        await decode(pieces(files.mp4_with_streams(1, str(neighbour).encode())), DecodeSpec(), sink)
    assert b"\x7f\x7f" not in sink.pcm


@pytest.mark.timeout(120)
@pytest.mark.parametrize("bomb", [files.wavpack_bomb, files.flac_bomb, lambda size: [files.opus_bomb(size)]])
async def test_a_bomb_stops_at_the_limit_on_seconds(bomb: Callable[[int], Iterable[bytes]]) -> None:
    sink, limits = Dropped(), DecodeLimits(media_seconds=1200)
    before = children_seconds()
    async with peak_memory() as peak:
        with refusal(Reason.MEDIA_TOO_LONG):
            await decode(pieces(bomb(5_000_000)), DecodeSpec(limits=limits), sink)
    assert 1180 * 32_000 < sink.taken <= 1200 * 32_000
    assert children_seconds() - before < 20
    assert 0 < peak[0] < 128 * MIB


async def test_more_bytes_than_the_limit_are_not_even_read() -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        yield files.wave(b"", data_size=0xFFFF_FFFF)
        while True:
            given += 65_536
            yield bytes(65_536)

    with refusal(Reason.MEDIA_TOO_COMPLEX):
        await decode(endless(), DecodeSpec(limits=DecodeLimits(input_bytes=MIB)), Dropped())
    assert given <= MIB + 65_536
    assert not children()


async def test_an_endless_source_without_a_limit_in_bytes_ends_at_the_limit_in_seconds() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield files.wave(b"", data_size=0xFFFF_FFFF)
        while True:
            yield bytes(65_536)

    with refusal(Reason.MEDIA_TOO_LONG):
        await decode(endless(), DecodeSpec(limits=DecodeLimits(media_seconds=60)), Dropped())
    assert not children()


async def test_too_many_channels_to_keep_apart_are_refused() -> None:
    data = files.wave(bytes(160_000), channels=10)
    assert (await decode(pieces(data), DecodeSpec(), Kept())).seconds == pytest.approx(0.5)
    with refusal(Reason.MEDIA_TOO_COMPLEX):
        await decode(pieces(data), DecodeSpec(channels=ChannelMode.SEPARATE), Kept())


@pytest.mark.timeout(180)
async def test_media_bent_at_random_never_breaks_the_parent() -> None:
    good = [
        files.encode("mp3", "libmp3lame", [files.tone(1, 44_100)], 44_100),
        files.encode("mp4", "aac", [files.tone(1, 44_100)], 44_100),
        files.encode("ogg", "libopus", [files.tone(1, 48_000)], 48_000),
        files.encode("flac", "flac", [files.tone(1, 44_100)], 44_100),
        files.encode("matroska", "flac", [files.tone(1, 44_100)], 44_100),
    ]
    generator = random.Random(11)
    for number in range(40):
        data = bytearray(good[number % len(good)])
        for _ in range(generator.randrange(1, 30)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        async with peak_memory() as peak:
            with suppress(Refused):
                await decode(pieces(bytes(data)), DecodeSpec(), Dropped())
        assert peak[0] < 256 * MIB
    assert not children()


@asynccontextmanager
async def listeners() -> AsyncIterator[tuple[int, Callable[[], list[str]]]]:
    """Listen on one port by TCP and UDP; yield the port and a way to list who came."""
    with socket.socket(type=socket.SOCK_STREAM) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        tcp.setblocking(False)
        udp.setblocking(False)

        def contacts() -> list[str]:
            came = []
            for kind, receive in (("tcp", tcp.accept), ("udp", lambda: udp.recv(1))):
                with suppress(BlockingIOError):
                    receive()
                    came.append(kind)
            return came

        yield tcp.getsockname()[1], contacts
