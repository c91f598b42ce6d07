"""Make media whose timestamps, tracks and headers are as odd as those of people's files, by FFmpeg's own muxers."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

Sound = npt.NDArray[np.float32]
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 6: "5.1", 8: "7.1"}
VIDEO = {"webm": "libvpx", "flv": "flv", "asf": "wmv2", "mpegts": "mpeg2video", "mpeg": "mpeg2video", "avi": "mpeg4"}
PICTURES = 25


@dataclass(frozen=True)
class Sent:
    """An audio track: float samples of shape (samples,) or (channels, samples).

    `start` seconds lie before it. `shift` moves a packet's time, in seconds, by its time in the track.
    """

    sound: Sound
    rate: int
    codec: str
    start: float = 0.0
    shift: Callable[[float], float] = lambda _: 0.0
    language: str = ""
    title: str = ""
    default: bool | None = None
    disposition: Disposition | None = None
    options: dict[str, str] = field(default_factory=dict)


def mux(
    container: str,
    tracks: Sequence[Sent],
    video: float = 0.0,
    video_start: float = 0.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """Write tracks and `video` seconds of grey pictures, interleaved, into a container and return its bytes."""
    buffer = io.BytesIO()
    packets: list[av.Packet[Any]] = []
    with av.open(buffer, "w", format=container, options=options or {}) as output:
        pictures = _add_video(output, container) if video else None
        streams = [_add_audio(output, track) for track in tracks]
        if pictures is not None:
            packets += _pictures(pictures, video, video_start)
        for stream, track in zip(streams, tracks, strict=True):
            packets += _sound(stream, track)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            output.mux(packet)
    return buffer.getvalue()


def hole(at: float, seconds: float) -> Callable[[float], float]:
    """Move what comes after `at` seconds of a track by `seconds`."""
    return lambda time: seconds if time >= at else 0.0


def _add_video(output: Any, container: str) -> av.VideoStream:
    stream: av.VideoStream = output.add_stream(VIDEO.get(container, "mpeg4"), rate=PICTURES)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    return stream


def _add_audio(output: Any, track: Sent) -> av.AudioStream:
    channels = 1 if track.sound.ndim == 1 else len(track.sound)
    stream: av.AudioStream = output.add_stream(
        track.codec, rate=track.rate, layout=LAYOUTS[channels], options=track.options
    )
    if track.codec.startswith("wma"):
        stream.bit_rate = 128_000
    if track.language:
        stream.metadata["language"] = track.language
    if track.title:
        stream.metadata["title"] = track.title
    if track.default is not None:
        stream.disposition = Disposition.default if track.default else Disposition(0)
    if track.disposition is not None:
        stream.disposition = track.disposition
    return stream


def _pictures(stream: av.VideoStream, seconds: float, start: float) -> list[av.Packet[Any]]:
    packets: list[av.Packet[Any]] = []
    grey = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8), format="rgb24").reformat(format="yuv420p")
    for number in range(round(seconds * PICTURES)):
        grey.pts = number + round(start * PICTURES)
        packets += stream.encode(grey)
    return packets + list(stream.encode(None))


def _sound(stream: av.AudioStream, track: Sent) -> list[av.Packet[Any]]:
    context = stream.codec_context
    context.open()
    sound = track.sound[None] if track.sound.ndim == 1 else track.sound
    layout, size = LAYOUTS[len(sound)], context.frame_size or 1024
    convert = av.AudioResampler(context.format.name, layout, track.rate)
    packets: list[av.Packet[Any]] = []
    for at in range(0, sound.shape[1], size):
        piece = np.ascontiguousarray(sound[:, at : at + size].astype(np.float32))
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate = track.rate
        (frame,) = convert.resample(frame)
        time = at / track.rate
        frame.pts, frame.time_base = (
            round((track.start + time + track.shift(time)) * track.rate),
            Fraction(1, track.rate),
        )
        packets += stream.encode(frame)
    return packets + list(stream.encode(None))
