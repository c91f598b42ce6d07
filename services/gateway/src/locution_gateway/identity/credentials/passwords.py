"""Passwords by argon2id (RFC 9106) in a few threads: each hash takes 64 MiB and about a tenth of a second."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from locution_common.errors import Reason, Refused

T = TypeVar("T")

THREADS: Final = 2
WAITING: Final = 16
"""Passwords that may wait for a thread; further ones are refused at once."""
RETRY: Final = 2.0


class ArgonPasswords:
    """Hashes passwords in a few threads. Refuses with OVERLOADED if too many wait."""

    def __init__(self, pool: ThreadPoolExecutor, *, memory: int = 65536, rounds: int = 3) -> None:
        self._pool = pool
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory, parallelism=4, type=Type.ID)
        self._dummy = self._hasher.hash(secrets.token_hex(16))
        self._busy = 0

    async def hash(self, password: str) -> str:
        """Return a password's hash. Refuses with OVERLOADED."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password matches; the work is the same without a hash. Refuses with OVERLOADED."""
        fits = await self._run(lambda: self._fits(password, password_hash or self._dummy))
        return fits and password_hash is not None

    def _fits(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._busy >= THREADS + WAITING:
            raise Refused(Reason.OVERLOADED, "too many passwords are being checked", retry_after=RETRY)
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._busy -= 1


@asynccontextmanager
async def open_passwords() -> AsyncIterator[ArgonPasswords]:
    """Keep the threads while the context is open."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
    try:
        yield await asyncio.get_running_loop().run_in_executor(pool, ArgonPasswords, pool)
    finally:
        await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
