from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from locution.v1 import live_service_pb2 as pb
from locution_client.calls import Access
from locution_client.cli.commands.live import Screen, spoken_lines
from locution_client.live import Session, Unacknowledged
from locution_client.pcm import Layout
from locution_client.wave_stream import UnknownAudio, recognise


async def pieces(data: bytes, size: int = 7) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def wave(code: int, bits: int, channels: int = 1, data: bytes = b"\1\2\3\4", rate: int = 8000) -> bytes:
    layout = struct.pack("<HHIIHH", code, channels, rate, rate * bits // 8, bits // 8, bits)
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks = b"WAVE" + odd + b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks + b"trailer"


@pytest.mark.parametrize(
    ("code", "bits", "encoding"),
    [
        (1, 16, pb.LiveConfig.ENCODING_PCM_S16LE),
        (3, 32, pb.LiveConfig.ENCODING_PCM_F32LE),
        (6, 8, pb.LiveConfig.ENCODING_ALAW),
        (7, 8, pb.LiveConfig.ENCODING_MULAW),
    ],
)
async def test_a_wav_loses_its_header_and_what_follows_its_samples(code: int, bits: int, encoding: int) -> None:
    sound = await recognise(pieces(wave(code, bits)), None)
    assert (sound.encoding, sound.rate) == (encoding, 8000)
    assert b"".join([data async for data in sound.data]) == b"\1\2\3\4"


@pytest.mark.parametrize(
    "data",
    [
        *(wave(1, 16, channels=0), wave(1, 16, channels=65), wave(1, 16, rate=0), wave(2, 4), wave(85, 16)),
        *(b"ID3 an mp3", b"", b"RIFF\0\0\0\0WAVE"),
    ],
)
async def test_what_cannot_be_streamed_is_said(data: bytes) -> None:
    with pytest.raises(UnknownAudio):
        await recognise(pieces(data), None)


async def test_raw_samples_are_passed_on() -> None:
    sound = await recognise(pieces(b"\0\1\2\3"), Layout("s16le", 16_000, 1))
    assert (sound.encoding, sound.rate) == (pb.LiveConfig.ENCODING_PCM_S16LE, 16_000)
    assert b"".join([data async for data in sound.data]) == b"\0\1\2\3"


async def test_raw_samples_need_a_rate() -> None:
    with pytest.raises(UnknownAudio, match="--audio-format, for example s16le:16000:1"):
        await recognise(pieces(b"\0\1\2\3" * 8), None)


async def test_what_is_not_acknowledged_is_sent_again_from_any_offset() -> None:
    held = Unacknowledged(unit=2)
    for piece in (b"aabb", b"ccdd", b"ee"):
        await held.add(piece)
    await held.close()
    await held.acknowledge(1)
    assert b"".join([data async for _, data in held.from_offset(1)]) == b"bbccddee"
    await held.acknowledge(4)
    assert [at async for at, _ in held.from_offset(4)] == [4]
    with pytest.raises(ValueError, match="dropped"):
        await anext(held.from_offset(0))


async def test_a_reader_waits_for_room() -> None:
    held = Unacknowledged(unit=1)
    await held.add(b"x" * 100)
    waiting = asyncio.create_task(held.room(50))
    await asyncio.sleep(0)
    assert not waiting.done()
    await held.acknowledge(100)
    await asyncio.wait_for(waiting, 30)


def test_a_final_is_a_line_a_speaker_and_every_word_stands_once() -> None:
    spoken = [("Yes.", "SPEAKER_00"), ("No,", "SPEAKER_01"), ("never.", "SPEAKER_01"), ("Oh.", "")]
    final = pb.StreamFinal(text="Yes. No, never. Oh.")
    final.words.extend(pb.LiveWord(text=text, speaker=speaker or None) for text, speaker in spoken)
    assert spoken_lines(final) == ["SPEAKER_00: Yes.", "SPEAKER_01: No, never.", "UNKNOWN: Oh."]
    for word in final.words:
        word.ClearField("speaker")
    assert spoken_lines(final) == [final.text]


def test_speakers_that_turn_out_to_be_others_are_told_beside_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    final = pb.StreamFinal(id=1, text="Yes.", words=[pb.LiveWord(text="Yes.", speaker="SPEAKER_01")])
    screen = Screen(terminal=False, diarized=True)
    screen.show(pb.StreamResponse(final=final))
    known = pb.StreamSpeakers(final_id=1, speakers=["SPEAKER_00"], settled=True)
    screen.show(pb.StreamResponse(speakers=known))
    out, err = capsys.readouterr()
    assert out == "SPEAKER_01: Yes.\n"
    assert err.splitlines() == ["locution: corrected speakers from 0.0 s:", "SPEAKER_00: Yes."]


async def test_half_a_sample_at_the_end_is_dropped() -> None:
    session = Session(None, Access(()), pb.LiveConfig(encoding=pb.LiveConfig.ENCODING_PCM_S16LE), 1.0)
    await session._read(pieces(bytes(2001)))
    assert (session._held.end, session._held.closed) == (1000, True)
