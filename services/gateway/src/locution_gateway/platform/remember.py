"""Caches for values that may be outdated for a limited time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from locution_common.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[V]):
    value: V
    until: float


class Remembered(Generic[K, V]):
    """Caches up to `size` answers for `ttl` seconds from the time of the question.

    Concurrent callers with the same key share one question. If a key is invalidated meanwhile, its answer is not
    cached.
    """

    def __init__(self, ask: Callable[[K], Awaitable[V]], clock: Clock, ttl: float, size: int) -> None:
        self._ask = ask
        self._clock = clock
        self._ttl = ttl
        self._size = size
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()
        self._asked: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """Return the answer for a key; errors are raised and not cached."""
        kept = self._kept.get(key)
        if kept is not None and self._clock.monotonic() < kept.until:
            return kept.value
        question = self._asked.get(key)
        if question is None:
            question = self._asked[key] = asyncio.create_task(self._question(key))
        return await asyncio.shield(question)

    def forget(self, key: K) -> None:
        """Invalidate this key."""
        self._kept.pop(key, None)
        self._asked.pop(key, None)

    def clear(self) -> None:
        """Invalidate every key."""
        self._kept.clear()
        self._asked.clear()

    async def _question(self, key: K) -> V:
        until = self._clock.monotonic() + self._ttl
        try:
            value = await self._ask(key)
            if self._asked.get(key) is asyncio.current_task():
                self._keep(key, _Kept(value, until))
        finally:
            if self._asked.get(key) is asyncio.current_task():
                del self._asked[key]
        return value

    def _keep(self, key: K, kept: _Kept[V]) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
