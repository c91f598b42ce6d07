"""The registry's ports. Docstrings are obligations; one conformance suite checks every store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from .models import Action, Actor, Inspection, Kind, Model, ModelFile, ModelPath, Replica, Stamp


class Changes(Protocol):
    """A serialised transaction of the store: what it reads stays true until it ends."""

    async def find(self, path: ModelPath) -> Model | None:
        """Return the model, or None."""
        ...

    async def default_of(self, kind: Kind) -> Model | None:
        """Return the kind's default, usable or not, or None."""
        ...

    async def save(self, model: Model, action: Action, actor: Actor) -> Model:
        """Insert or replace the model with its audit entry, and return it as stored.

        The store sets the times and counts the replicas. A kind has at most one default: clear the old one first.
        """
        ...


class ModelStore(Protocol):
    """Stores models. Times are the store's own; readers see each transaction whole or not at all."""

    def changing(self, *, keep: bool = True) -> AbstractAsyncContextManager[Changes]:
        """Open a transaction; only one is open at a time across all replicas of the registry.

        It is rolled back when the block raises, or without `keep`.
        """
        ...

    async def find(self, path: ModelPath) -> Model | None:
        """Return the model, or None."""
        ...

    async def of_kind(self, kind: Kind) -> list[Model]:
        """Return the kind's models: the default, then the others from oldest to newest, ties by path."""
        ...

    async def page(self, kind: Kind | None, after: ModelPath | None, limit: int) -> list[Model]:
        """Return at most `limit` models after `after`, by set and model; of all kinds if None."""
        ...

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[ModelPath], ttl: float) -> None:
        """Store for `ttl` seconds that the replica holds exactly these models of the kind.

        Refuses with MODEL_NOT_FOUND, and stores nothing, if one of them is not a model of the kind.
        """
        ...


class ModelFolders(Protocol):
    """Reads the folders below the models root. It never writes there, follows a link or unpickles.

    Every method raises ModelsRootUnavailable if the root cannot be read, ModelPathInvalid if the folder is a link,
    holds one, or holds names that are not plain text, and ModelLayoutInvalid if a file cannot be read or there are too
    many. Hidden entries (".name") belong to no model.
    """

    async def inspect(self, path: ModelPath) -> Inspection:
        """Return layout and digests. Raises ModelPathInvalid without a folder, ModelLayoutInvalid without a model."""
        ...

    async def digest(self, path: ModelPath) -> tuple[ModelFile, ...]:
        """Hash every file and return them by path; none if the folder does not exist."""
        ...

    async def stamps(self, path: ModelPath) -> Mapping[str, Stamp]:
        """Return size and time of every file by path, without reading them; none if the folder does not exist."""
        ...

    async def probe(self) -> None:
        """Check that the root can be listed."""
        ...
