"""FLAC and Opus: the text of a stream that was broken off is that of one that was not."""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
import pytest
from locution.v1 import live_service_pb2 as pb

from tests.service.gateway.live.conftest import House
from tests.service.gateway.live.talk import SECOND, Talk, config, noise

RATES = {"flac": 16_000, "libopus": 48_000}
ENCODINGS = {"flac": pb.LiveConfig.ENCODING_FLAC, "libopus": pb.LiveConfig.ENCODING_OGG_OPUS}
PIECE = 4000


def encoded(codec: str, seconds: float) -> bytes:
    """Return noise in FLAC, or in Opus in Ogg."""
    rate = RATES[codec]
    samples = np.repeat(noise(seconds), rate // SECOND)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac" if codec == "flac" else "ogg") as container:
        stream = cast("av.AudioStream", container.add_stream(codec, rate=rate, layout="mono", format="s16"))
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate, frame_size=960)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return buffer.getvalue()


async def send(talk: Talk, data: bytes, begin: int, end: int) -> None:
    for at in range(begin, end, PIECE):
        await talk.say(audio=pb.StreamAudio(offset=at, data=data[at : min(end, at + PIECE)]))


@pytest.mark.parametrize("codec", ["flac", "libopus"])
async def test_a_broken_stream_goes_on_to_the_same_text(house: House, codec: str) -> None:
    data = encoded(codec, 6.0)
    wanted = config(encoding=ENCODINGS[codec], sample_rate_hertz=None)
    whole = house.speaker.talk()
    await whole.begin(wanted)
    await send(whole, data, 0, len(data))
    await whole.finish()
    assert len(whole.finals) >= 6

    broken = house.speaker.talk()
    token = (await broken.begin(wanted)).resume_token
    middle = len(data) * 2 // 3
    await send(broken, data, 0, middle)
    await broken.until_final(2)
    await broken.until_ack(middle)
    await broken.leave()
    again = house.speaker.talk()
    started = await again.resume(token, max(broken.finals))
    assert started.next_offset == middle
    await send(again, data, middle, len(data))
    await again.finish()
    assert (broken.finals | again.finals) == whole.finals


async def test_the_decoding_of_a_stream_is_measured(house: House) -> None:
    def outcome(name: str) -> float:
        registry = house.gateway.running.context.registry
        return registry.get_sample_value("locution_decode_children_total", {"outcome": name}) or 0

    data = encoded("flac", 2.0)
    whole = house.speaker.talk()
    await whole.begin(config(encoding=ENCODINGS["flac"], sample_rate_hertz=None))
    await send(whole, data, 0, len(data))
    await whole.finish()
    assert (outcome("decoded"), outcome("cancelled"), outcome("MEDIA_DECODER_CRASHED")) == (1, 0, 0)
