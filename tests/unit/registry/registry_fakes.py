"""A registry's world in memory: weights, and the folders that they lie in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from locution_common.clock import ManualClock
from locution_common.errors import Reason, Refused
from locution_registry.domain.errors import ModelPathInvalid, ModelsRootUnavailable
from locution_registry.domain.models import (
    Action,
    Actor,
    Inspection,
    Kind,
    Layout,
    Replica,
    Stamp,
    Weight,
    WeightFile,
    WeightPath,
)
from locution_speech.capabilities import Capabilities

ASR = Layout(Kind.ASR, "faster-whisper", "ctranslate2-whisper", Capabilities(languages=("en",), word_times=True))
DIARIZATION = Layout(Kind.DIARIZATION, "pyannote", "pyannote-pipeline", Capabilities(speaker_counts=True, overlap=True))


@dataclass(frozen=True)
class Change:
    """A line of the audit."""

    path: WeightPath
    action: str
    actor: str
    before: str | None
    after: str


class MemoryStore:
    """A WeightStore in memory, whose clock stands still unless it is moved."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.audit: list[Change] = []
        self._weights: dict[WeightPath, Weight] = {}
        self._serving: dict[tuple[Replica, WeightPath], datetime] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def changing(self, *, keep: bool = True) -> AsyncIterator[MemoryChanges]:
        async with self._lock:
            changes = MemoryChanges(self, dict(self._weights))
            yield changes
            if keep:
                self._weights = changes.weights
                self.audit += changes.audit

    async def find(self, path: WeightPath) -> Weight | None:
        weight = self._weights.get(path)
        return None if weight is None else self.counted(weight)

    async def of_kind(self, kind: Kind) -> list[Weight]:
        weights = [self.counted(weight) for weight in self._weights.values() if weight.kind is kind]
        return sorted(weights, key=lambda weight: (not weight.is_default, weight.create_time, weight.path))

    async def page(self, kind: Kind | None, after: WeightPath | None, limit: int) -> list[Weight]:
        weights = [self.counted(weight) for weight in self._weights.values() if kind in (None, weight.kind)]
        beyond = [weight for weight in weights if after is None or weight.path > after]
        return sorted(beyond, key=lambda weight: weight.path)[:limit]

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[WeightPath], ttl: float) -> None:
        for path in paths:
            if path not in self._weights or self._weights[path].kind is not kind:
                raise Refused(Reason.MODEL_NOT_FOUND, f"there is no {kind} model {path}")
        other = {key: until for key, until in self._serving.items() if not self._replaced(key, replica, kind)}
        until = self.clock.now() + timedelta(seconds=ttl)
        self._serving = other | {(replica, path): until for path in paths}

    def counted(self, weight: Weight) -> Weight:
        now = self.clock.now()
        replicas = [until for (_, path), until in self._serving.items() if path == weight.path and until > now]
        return replace(weight, serving_replicas=len(replicas))

    def _replaced(self, key: tuple[Replica, WeightPath], replica: Replica, kind: Kind) -> bool:
        return key[0] == replica and self._weights[key[1]].kind is kind


@dataclass
class MemoryChanges:
    """A change that becomes visible when it ends."""

    store: MemoryStore
    weights: dict[WeightPath, Weight]
    audit: list[Change] = field(default_factory=list)

    async def find(self, path: WeightPath) -> Weight | None:
        weight = self.weights.get(path)
        return None if weight is None else self.store.counted(weight)

    async def default_of(self, kind: Kind) -> Weight | None:
        return next((weight for weight in self.weights.values() if weight.kind is kind and weight.is_default), None)

    async def save(self, weight: Weight, action: Action, actor: Actor) -> Weight:
        before, now = self.weights.get(weight.path), self.store.clock.now()
        default = await self.default_of(weight.kind)
        assert not (weight.is_default and default and default.path != weight.path), "two defaults"
        created = before.create_time if before else now
        saved = replace(self.store.counted(weight), create_time=created, update_time=now)
        self.weights[weight.path] = saved
        self.audit.append(Change(weight.path, action, actor, before.state.value if before else None, saved.state.value))
        return saved


class MemoryFolders:
    """WeightFolders in memory: text by path, with a time that each write moves."""

    def __init__(self) -> None:
        self.layouts: dict[WeightPath, Layout] = {}
        self.contents: dict[WeightPath, dict[str, tuple[str, int]]] = {}
        self.links: set[WeightPath] = set()
        self.mounted = True
        self.digested: list[WeightPath] = []
        self._time = 0

    def write(self, path: WeightPath, name: str, content: str) -> None:
        """Write a file, which gets a new time."""
        self._time += 1
        self.contents.setdefault(path, {})[name] = (content, self._time)

    def put(self, path: WeightPath, layout: Layout = ASR, **files: str) -> None:
        """Make a whole folder."""
        self.layouts[path] = layout
        for name, content in (files or {"model": str(path)}).items():
            self.write(path, name, content)

    async def inspect(self, path: WeightPath) -> Inspection:
        files = await self.digest(path)
        if not files:
            raise ModelPathInvalid(f"there is no folder {path}")
        return Inspection(self.layouts[path], files)

    async def digest(self, path: WeightPath) -> tuple[WeightFile, ...]:
        files = self._files(path)
        self.digested.append(path)
        return tuple(
            WeightFile(name, len(content), hashlib.sha256(content.encode()).hexdigest(), time)
            for name, (content, time) in sorted(files.items())
        )

    async def stamps(self, path: WeightPath) -> Mapping[str, Stamp]:
        return {name: Stamp(len(content), time) for name, (content, time) in self._files(path).items()}

    async def probe(self) -> None:
        if not self.mounted:
            raise ModelsRootUnavailable

    def _files(self, path: WeightPath) -> dict[str, tuple[str, int]]:
        if not self.mounted:
            raise ModelsRootUnavailable
        if path in self.links:
            raise ModelPathInvalid(f"{path} is reached by a link")
        return self.contents.get(path, {})
