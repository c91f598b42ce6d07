"""Media at which the decoder gives up, raises or crashes is reported as damaged."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

import pytest
from locution_common.errors import Reason
from locution_gateway.media import process
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeSpec

from tests.data import media_files as files
from tests.service.gateway.media.support import Dropped, children, pieces
from tests.support.refusals import refusal

FAULTS = ("SIGSEGV", "SIGABRT", "SIGFPE", "SIGBUS", "SIGILL")
RAISING = """
import sys; sys.path.insert(0, sys.argv.pop())
from locution_gateway.media import child
def _decode(*_): raise AttributeError("something in PyAV")
child._decode = _decode
child.main()
"""


@cache
def caf(codec: str = "pcm_s16le") -> bytes:
    return files.encode("caf", codec, [files.tone(1, 44_100)], 44_100)


def resized(data: bytes, name: bytes, difference: int) -> bytes:
    """Change the stated size of a chunk."""
    at = data.index(name) + 4
    return data[:at] + struct.pack(">q", struct.unpack_from(">q", data, at)[0] + difference) + data[at + 8 :]


SIZES: dict[str, Callable[[], bytes]] = {
    "longer layout": lambda: resized(caf(), b"chan", 1),
    "longer cookie": lambda: resized(caf("alac"), b"kuki", 1),
    "shorter data": lambda: resized(caf("alac"), b"data", -1),
    "shorter information": lambda: resized(caf(), b"info", -1),
    "information of negative size": lambda: resized(caf(), b"info", -(1 << 20)),
}


@pytest.mark.parametrize("make", SIZES.values(), ids=SIZES)
async def test_a_caf_whose_sizes_lie_is_corrupt(make: Callable[[], bytes]) -> None:
    with refusal(Reason.MEDIA_CORRUPT):
        await decode(pieces(make()), DecodeSpec(), Dropped())
    assert not children()


async def test_an_ogg_in_which_a_stream_begins_late_decodes() -> None:
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    pages = [files.ogg_page(1, 0, 2, head, 0), files.ogg_page(1, 1, 0, b"OpusTags" + bytes(8), 0)]
    pages += [files.ogg_page(1, 2 + number, 0, b"\xf8\xff\xfe", 960 * (number + 1)) for number in range(50)]
    pages.insert(30, files.ogg_page(2, 0, 2, head, 960))
    assert (await decode(pieces(pages), DecodeSpec(), Dropped())).samples
    assert not children()


@pytest.mark.parametrize("data", [caf(), files.wave(bytes(32_000))], ids=["file", "pipe"])
@pytest.mark.parametrize("name", FAULTS)
async def test_media_that_crashes_the_decoder_is_corrupt(
    name: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_START", f"import os, signal; os.kill(os.getpid(), signal.{name})")
    with refusal(Reason.MEDIA_CORRUPT, match=f"the decoder crashed \\({name}\\)"):
        await decode(pieces(data), DecodeSpec(), Dropped())
    assert not children()


async def test_media_that_makes_the_decoder_raise_is_corrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START", RAISING)
    with refusal(Reason.MEDIA_CORRUPT, match="AttributeError in the decoder"):
        await decode(pieces(caf()), DecodeSpec(), Dropped())


@pytest.mark.parametrize(
    ("name", "reason"),
    [("SIGKILL", "MEDIA_DECODER_CRASHED"), ("SIGTERM", "MEDIA_DECODER_CRASHED"), ("SIGXCPU", "MEDIA_DECODE_TIMEOUT")],
)
async def test_deaths_from_outside_keep_their_reasons(name: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START", f"import os, signal; os.kill(os.getpid(), signal.{name})")
    with refusal(Reason(reason)):
        await decode(pieces(caf()), DecodeSpec(), Dropped())
