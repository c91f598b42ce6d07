"""What the registry needs of the world. The docstrings are obligations; one conformance suite checks every store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from .models import Action, Actor, Inspection, Kind, Model, ModelFile, ModelPath, Replica, Stamp


class Changes(Protocol):
    """One serialised change of the store: what it reads is true until it ends."""

    async def find(self, path: ModelPath) -> Model | None:
        """Return the model, or None."""
        ...

    async def default_of(self, kind: Kind) -> Model | None:
        """Return the kind's default, usable or not, or None."""
        ...

    async def save(self, model: Model, action: Action, actor: Actor) -> Model:
        """Insert or replace the model, write the audit's line with what it was and is, and return it as stored.

        The store sets the times and counts the replicas. A kind has at most one default: clear the old one first.
        """
        ...


class ModelStore(Protocol):
    """Keeps models. Time is the store's own; every reader sees a change whole or not at all."""

    def changing(self, *, keep: bool = True) -> AbstractAsyncContextManager[Changes]:
        """Open a change; only one is open at a time over all replicas of the registry.

        It is undone when the block raises, or when not `keep`.
        """
        ...

    async def find(self, path: ModelPath) -> Model | None:
        """Return the model, or None."""
        ...

    async def of_kind(self, kind: Kind) -> list[Model]:
        """Return the kind's models: the default, then the others from the oldest to the newest, ties by path."""
        ...

    async def page(self, kind: Kind | None, after: ModelPath | None, limit: int) -> list[Model]:
        """Return at most `limit` models that come after `after`, by set and model; of every kind when None."""
        ...

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[ModelPath], ttl: float) -> None:
        """Remember for `ttl` seconds that the replica holds exactly these models of the kind.

        Refused with MODEL_NOT_FOUND, and remembers nothing new, when one of them is not a model of the kind.
        """
        ...


class ModelFolders(Protocol):
    """Reads the folders below the models root, never writes there, never follows a link, never unpickles.

    Every method raises ModelsRootUnavailable when the root itself cannot be read, and ModelPathInvalid when the
    folder is a link, holds one, or holds names that are no plain text, and ModelLayoutInvalid when something in it
    cannot be read, or there is too much of it. Hidden entries (".name") belong to no model.
    """

    async def inspect(self, path: ModelPath) -> Inspection:
        """Return layout and digests; raises ModelPathInvalid without a folder, ModelLayoutInvalid without a model."""
        ...

    async def digest(self, path: ModelPath) -> tuple[ModelFile, ...]:
        """Read every file and return them by path; none when there is no folder."""
        ...

    async def stamps(self, path: ModelPath) -> Mapping[str, Stamp]:
        """Return size and time of every file by path, without reading any; none when there is no folder."""
        ...

    async def probe(self) -> None:
        """Return when the root can be listed."""
        ...
