"""Decode a job's upload in a child process and store its PCM, cut at pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import numpy as np
from locution_common.errors import DependencyUnavailable
from locution_common.objects import MIN_PART_SIZE, ObjectStore
from locution_speech.clock import SAMPLE_WIDTH, seconds
from locution_speech.languages import codes

from locution_gateway.jobs.config import JobConfig
from locution_gateway.jobs.models import JobWarning, Section, StageLease, WarningCode
from locution_gateway.media import decode as child
from locution_gateway.media import models as media
from locution_gateway.media import sections
from locution_gateway.media.metrics import ChildMetrics
from locution_gateway.media.ready import Children
from locution_gateway.media.sections import Sectioner, SectionRule
from locution_gateway.pipeline.models import SHORT, Decoded, Progress, StageWork
from locution_gateway.pipeline.recording import channel_key, pcm_prefix
from locution_gateway.pipeline.sources import PostgresSources

PIECES = 4
"""Most pieces of PCM that wait for the object store before the decoder must wait."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How media is decoded and cut; `isolation` refuses kernels that cannot confine the child."""

    limits: media.DecodeLimits
    rule: SectionRule
    isolation: bool


class MediaDecoder:
    """Streams object → child → PCM objects with flat memory."""

    def __init__(
        self,
        store: ObjectStore,
        sources: PostgresSources,
        decoding: Decoding,
        children: Children,
        metrics: ChildMetrics,
    ) -> None:
        """Decode what `sources` finds in one of `children`, and store PCM in `store`."""
        self._store = store
        self._sources = sources
        self._decoding = decoding
        self._children = children
        self._metrics = metrics

    async def decode(self, work: StageWork, progress: Progress) -> Decoded:
        """Decode the job's upload, store its PCM, cut it at pauses. Raises the MEDIA reasons."""
        source = await self._sources.source(work)
        pcm_key = _place(work.lease)
        async with AsyncExitStack() as stack:
            sink = _Sink(self._store, pcm_key, self._decoding.rule, progress, stack)
            spec = spec_of(work.job.config, self._decoding)
            with self._metrics.child():
                report = await child.decode(
                    self._store.stream(source.key), spec, sink, size=source.size, children=self._children
                )
            found = await sink.finish()
        warnings = tuple(warnings_of(report, work.job.config))
        return Decoded(pcm_key, report.samples, report.opening.channels, found, warnings, report.media, sink.pcm)

    async def discard(self, lease: StageLease) -> None:
        """Delete what an attempt stored; what the store does not delete now is deleted with its job."""
        with suppress(DependencyUnavailable):
            await self._store.delete_prefix(f"{_place(lease)}/")


def _place(lease: StageLease) -> str:
    return pcm_prefix(lease.tenant_id, lease.job_id, lease.token)


def spec_of(config: JobConfig, decoding: Decoding) -> media.DecodeSpec:
    """Return how to decode a job's media."""
    return media.DecodeSpec(
        raw=config.audio_format,
        channels=config.channel_mode,
        limits=decoding.limits,
        require_isolation=decoding.isolation,
        track=config.track,
        languages=codes(config.track or config.language),
    )


def warnings_of(report: media.DecodeReport, config: JobConfig) -> Iterator[JobWarning]:
    """Return what was wrong with a job's media, and what was left out of it without being asked."""
    for warning in report.warnings:
        text = f"at {seconds(warning.offset):.1f} s"
        if warning.reason is media.WarningReason.CHANNELS_CANCEL:
            text = f"over {warning.count} s, first {text}"
        yield JobWarning(WarningCode(warning.reason), text)
    left = [(number, track) for number, track in enumerate(report.media.tracks) if not track.used]
    if left and not config.track:
        named = ", ".join(f"{number} ({_described(track)})" for number, track in left)
        yield JobWarning(WarningCode.TRACK_LEFT_OUT, f"audio tracks that were left out: {named}")


def _described(track: media.AudioTrack) -> str:
    return " ".join(filter(None, (track.codec, track.language, track.title)))


class _Sink:
    """Receives PCM from the decoder: cuts it, and streams each channel to its own object."""

    def __init__(
        self, store: ObjectStore, pcm_key: str, rule: SectionRule, progress: Progress, stack: AsyncExitStack
    ) -> None:
        self._store = store
        self._pcm_key = pcm_key
        self._rule = rule
        self._progress = progress
        self._stack = stack
        self._channels = 1
        self._samples = 0
        self._cuts: list[sections.Section] = []
        self._sectioner = Sectioner(rule)
        self._writers: list[_Writer] = []
        self._pcm: list[bytearray] = []

    @property
    def pcm(self) -> tuple[bytes, ...]:
        """Return a recording by channel whose channels together are SHORT; nothing of a longer one is kept."""
        return tuple(bytes(channel) for channel in self._pcm)

    async def begin(self, opening: media.Opening) -> None:
        self._channels = opening.channels
        self._sectioner = Sectioner(self._rule, opening.channels)
        for channel in range(opening.channels):
            writer = _Writer(self._store, channel_key(self._pcm_key, channel))
            self._stack.push_async_callback(writer.close)
            self._writers.append(writer)
            self._pcm.append(bytearray())

    async def write(self, pcm: bytes) -> None:
        self._cuts += await asyncio.to_thread(self._sectioner.push, pcm)
        pieces = split(pcm, self._channels)
        for writer, piece in zip(self._writers, pieces, strict=True):
            await writer.put(piece)
        self._samples += len(pcm) // (SAMPLE_WIDTH * self._channels)
        self._hold(pieces)
        self._progress(self._samples)

    def _hold(self, pieces: list[bytes]) -> None:
        if self._samples * self._channels > SHORT:
            self._pcm.clear()
        for channel, piece in zip(self._pcm, pieces, strict=False):
            channel += piece

    async def finish(self) -> tuple[Section, ...]:
        """Wait until every channel is stored, and return the sections."""
        self._cuts += await asyncio.to_thread(self._sectioner.finish)
        for writer in self._writers:
            await writer.finish()
        return tuple(Section(index, cut.start, cut.end) for index, cut in enumerate(self._cuts))


def split(pcm: bytes, channels: int) -> list[bytes]:
    """Split interleaved s16le PCM into one piece per channel."""
    if channels == 1:
        return [pcm]
    frames = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
    return [np.ascontiguousarray(frames[:, channel]).tobytes() for channel in range(channels)]


class _Writer:
    """Streams pieces to one object through a bounded queue."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._task = asyncio.create_task(self._put(store, key))

    async def put(self, piece: bytes) -> None:
        """Add a piece; waits while the store is behind, and raises the store's errors."""
        if self._task.done():
            self._task.result()
        handing = asyncio.ensure_future(self._queue.put(piece))
        await asyncio.wait({handing, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not handing.done():
            handing.cancel()
            self._task.result()

    async def finish(self) -> None:
        """Wait until the object is durable."""
        await self._queue.put(None)
        await self._task

    async def close(self) -> None:
        """Abandon what is not finished; the store keeps nothing of it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _put(self, store: ObjectStore, key: str) -> None:
        await store.put_stream(key, self._pieces(), part_size=MIN_PART_SIZE)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._queue.get()) is not None:
            yield piece
