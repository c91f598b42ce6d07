"""A registry's world in memory: models, and the folders that they lie in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from locution_common.errors import Reason, Refused
from locution_registry.domain.errors import ModelPathInvalid, ModelsRootUnavailable
from locution_registry.domain.models import (
    Action,
    Actor,
    Inspection,
    Kind,
    Layout,
    Model,
    ModelFile,
    ModelPath,
    Replica,
    Stamp,
)
from locution_speech.capabilities import Capabilities

from tests.support.clock import ManualClock

ASR = Layout(Kind.ASR, "faster-whisper", "ctranslate2-whisper", Capabilities(languages=("en",), word_times=True))
DIARIZATION = Layout(Kind.DIARIZATION, "pyannote", "pyannote-pipeline", Capabilities(speaker_counts=True, overlap=True))


@dataclass(frozen=True)
class Change:
    """A line of the audit."""

    path: ModelPath
    action: str
    actor: str
    before: str | None
    after: str


class MemoryStore:
    """A ModelStore in memory, whose clock stands still unless it is moved."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.audit: list[Change] = []
        self._models: dict[ModelPath, Model] = {}
        self._serving: dict[tuple[Replica, ModelPath], datetime] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def changing(self, *, keep: bool = True) -> AsyncIterator[MemoryChanges]:
        async with self._lock:
            changes = MemoryChanges(self, dict(self._models))
            yield changes
            if keep:
                self._models = changes.models
                self.audit += changes.audit

    async def find(self, path: ModelPath) -> Model | None:
        model = self._models.get(path)
        return None if model is None else self.counted(model)

    async def of_kind(self, kind: Kind) -> list[Model]:
        models = [self.counted(model) for model in self._models.values() if model.kind is kind]
        return sorted(models, key=lambda model: (not model.is_default, model.create_time, model.path))

    async def page(self, kind: Kind | None, after: ModelPath | None, limit: int) -> list[Model]:
        models = [self.counted(model) for model in self._models.values() if kind in (None, model.kind)]
        beyond = [model for model in models if after is None or model.path > after]
        return sorted(beyond, key=lambda model: model.path)[:limit]

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[ModelPath], ttl: float) -> None:
        for path in paths:
            if path not in self._models or self._models[path].kind is not kind:
                raise Refused(Reason.MODEL_NOT_FOUND, f"there is no {kind} model {path}")
        other = {key: until for key, until in self._serving.items() if not self._replaced(key, replica, kind)}
        until = self.clock.now() + timedelta(seconds=ttl)
        self._serving = other | {(replica, path): until for path in paths}

    def counted(self, model: Model) -> Model:
        now = self.clock.now()
        replicas = [until for (_, path), until in self._serving.items() if path == model.path and until > now]
        return replace(model, serving_replicas=len(replicas))

    def _replaced(self, key: tuple[Replica, ModelPath], replica: Replica, kind: Kind) -> bool:
        return key[0] == replica and self._models[key[1]].kind is kind


@dataclass
class MemoryChanges:
    """A change that becomes visible when it ends."""

    store: MemoryStore
    models: dict[ModelPath, Model]
    audit: list[Change] = field(default_factory=list)

    async def find(self, path: ModelPath) -> Model | None:
        model = self.models.get(path)
        return None if model is None else self.store.counted(model)

    async def default_of(self, kind: Kind) -> Model | None:
        return next((model for model in self.models.values() if model.kind is kind and model.is_default), None)

    async def save(self, model: Model, action: Action, actor: Actor) -> Model:
        before, now = self.models.get(model.path), self.store.clock.now()
        default = await self.default_of(model.kind)
        assert not (model.is_default and default and default.path != model.path), "two defaults"
        created = before.create_time if before else now
        saved = replace(self.store.counted(model), create_time=created, update_time=now)
        self.models[model.path] = saved
        self.audit.append(Change(model.path, action, actor, before.state.value if before else None, saved.state.value))
        return saved


class MemoryFolders:
    """ModelFolders in memory: text by path, with a time that each write moves."""

    def __init__(self) -> None:
        self.layouts: dict[ModelPath, Layout] = {}
        self.contents: dict[ModelPath, dict[str, tuple[str, int]]] = {}
        self.links: set[ModelPath] = set()
        self.mounted = True
        self.digested: list[ModelPath] = []
        self._time = 0

    def write(self, path: ModelPath, name: str, content: str) -> None:
        """Write a file, which gets a new time."""
        self._time += 1
        self.contents.setdefault(path, {})[name] = (content, self._time)

    def put(self, path: ModelPath, layout: Layout = ASR, **files: str) -> None:
        """Make a whole folder."""
        self.layouts[path] = layout
        for name, content in (files or {"model": str(path)}).items():
            self.write(path, name, content)

    async def inspect(self, path: ModelPath) -> Inspection:
        files = await self.digest(path)
        if not files:
            raise ModelPathInvalid(f"there is no folder {path}")
        return Inspection(self.layouts[path], files)

    async def digest(self, path: ModelPath) -> tuple[ModelFile, ...]:
        files = self._files(path)
        self.digested.append(path)
        return tuple(
            ModelFile(name, len(content), hashlib.sha256(content.encode()).hexdigest(), time)
            for name, (content, time) in sorted(files.items())
        )

    async def stamps(self, path: ModelPath) -> Mapping[str, Stamp]:
        return {name: Stamp(len(content), time) for name, (content, time) in self._files(path).items()}

    async def probe(self) -> None:
        if not self.mounted:
            raise ModelsRootUnavailable

    def _files(self, path: ModelPath) -> dict[str, tuple[str, int]]:
        if not self.mounted:
            raise ModelsRootUnavailable
        if path in self.links:
            raise ModelPathInvalid(f"{path} is reached by a link")
        return self.contents.get(path, {})
