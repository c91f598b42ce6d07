"""What the registry needs of the world. The docstrings are obligations; one conformance suite checks every store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from .models import Action, Actor, Inspection, Kind, Replica, Stamp, Weight, WeightFile, WeightPath


class Changes(Protocol):
    """One serialised change of the store: what it reads is true until it ends."""

    async def find(self, path: WeightPath) -> Weight | None:
        """Return the weight, or None."""
        ...

    async def default_of(self, kind: Kind) -> Weight | None:
        """Return the kind's default, usable or not, or None."""
        ...

    async def save(self, weight: Weight, action: Action, actor: Actor) -> Weight:
        """Insert or replace the weight, write the audit's line with what it was and is, and return it as stored.

        The store sets the times and counts the replicas. A kind has at most one default: clear the old one first.
        """
        ...


class WeightStore(Protocol):
    """Keeps weights. Time is the store's own; every reader sees a change whole or not at all."""

    def changing(self, *, keep: bool = True) -> AbstractAsyncContextManager[Changes]:
        """Open a change; only one is open at a time over all replicas of the registry.

        It is undone when the block raises, or when not `keep`.
        """
        ...

    async def find(self, path: WeightPath) -> Weight | None:
        """Return the weight, or None."""
        ...

    async def of_kind(self, kind: Kind) -> list[Weight]:
        """Return the kind's weights: the default, then the others from the oldest to the newest, ties by path."""
        ...

    async def page(self, kind: Kind | None, after: WeightPath | None, limit: int) -> list[Weight]:
        """Return at most `limit` weights that come after `after`, by set and weight; of every kind when None."""
        ...

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[WeightPath], ttl: float) -> None:
        """Remember for `ttl` seconds that the replica holds exactly these weights of the kind.

        Refused with MODEL_NOT_FOUND, and remembers nothing new, when one of them is not a weight of the kind.
        """
        ...


class WeightFolders(Protocol):
    """Reads the folders below the models root, never writes there, never follows a link, never unpickles.

    Every method raises ModelsRootUnavailable when the root itself cannot be read, and ModelPathInvalid when the
    folder is a link, holds one, or holds names that are no plain text, and ModelLayoutInvalid when something in it
    cannot be read, or there is too much of it. Hidden entries (".name") belong to no weight.
    """

    async def inspect(self, path: WeightPath) -> Inspection:
        """Return layout and digests; raises ModelPathInvalid without a folder, ModelLayoutInvalid without a model."""
        ...

    async def digest(self, path: WeightPath) -> tuple[WeightFile, ...]:
        """Read every file and return them by path; none when there is no folder."""
        ...

    async def stamps(self, path: WeightPath) -> Mapping[str, Stamp]:
        """Return size and time of every file by path, without reading any; none when there is no folder."""
        ...

    async def probe(self) -> None:
        """Return when the root can be listed."""
        ...
