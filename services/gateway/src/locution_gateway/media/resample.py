"""Convert decoded frames to s16le at 16 kHz, exact to the sample; imports PyAV, the standard library and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

import av
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

from .mixing import FORMAT, WINDOW, Cancelled, Mixer, chain, source

Shape = tuple[int, str, str]
MONO: Final = "mono"


def shape(frame: av.AudioFrame) -> Shape:
    """Return rate, layout and sample format, which one resampler cannot change between."""
    return frame.sample_rate, frame.layout.name, frame.format.name


class Resampler:
    """Converts frames of one shape to interleaved s16le of `channels` in `layout`.

    After `n` samples at rate `r`, exactly ceil(n * SAMPLE_RATE / r) have been output: libswresample starts aligned, and
    the rounding at the end is trimmed or padded. Several channels become one in windows of `window` samples (`Mixer`).
    libswresample uses one thread, because the child may start no other.
    """

    def __init__(self, first: av.AudioFrame, layout: str, channels: int, window: int = WINDOW) -> None:
        self._shape = shape(first)
        self._width = channels * SAMPLE_WIDTH
        self._taken = self._given = 0
        mixes = layout == MONO and first.layout.nb_channels > 1
        self._mixer = Mixer(first.layout) if mixes else None
        resample = {
            "out_sample_rate": str(SAMPLE_RATE),
            "out_sample_fmt": FORMAT if mixes else "s16",
            "out_chlayout": first.layout.name if mixes else layout,
        }
        self._graph = chain(
            {
                "abuffer": source(first.sample_rate, first.format.name, first.layout.name),
                "aresample": resample,
                **({"asetnsamples": {"n": str(window), "p": "0"}} if mixes else {}),
            }
        )

    @property
    def cancelled(self) -> Cancelled | None:
        """Return where channels cancelled each other, in samples of this resampler's output."""
        return self._mixer.cancelled if self._mixer else None

    def fits(self, frame: av.AudioFrame) -> bool:
        """Tell whether a frame has the shape of this resampler."""
        return shape(frame) == self._shape

    def push(self, frame: av.AudioFrame) -> Iterator[bytes]:
        """Convert one frame."""
        self._taken += frame.samples
        frame.pts = None
        self._graph.push(frame)
        yield from self._pull()

    def finish(self) -> Iterator[bytes]:
        """Output the tail."""
        self._graph.push(None)
        yield from self._pull()
        missing = self._expected - self._given
        if missing:
            self._given += missing
            yield bytes(missing * self._width)

    @property
    def _expected(self) -> int:
        return -(-self._taken * SAMPLE_RATE // self._shape[0])

    def _pull(self) -> Iterator[bytes]:
        while True:
            try:
                frame = cast("av.AudioFrame", self._graph.pull())
            except (av.BlockingIOError, EOFError):
                return
            samples = min(frame.samples, self._expected - self._given)
            self._given += samples
            pcm = self._mixer.mix(frame) if self._mixer else bytes(frame.planes[0])
            yield pcm[: samples * self._width]
