"""The attacker, in a process of its own: it shares neither the interpreter nor the event loop of what it attacks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import grpc
from locution_common.interceptors import remote_failure

_channel: grpc.Channel


@dataclass(frozen=True)
class Shot:
    """One call with the raw bytes of its request."""

    method: str
    client_streams: bool
    server_streams: bool
    key: str | None
    request: bytes


class Attacker:
    """Makes calls, one after the other."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    async def send(self, shot: Shot) -> str:
        """Make a call; return its code and reason."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _send, shot)


@contextmanager
def attacking(address: str) -> Iterator[Attacker]:
    """Start the process."""
    with ProcessPoolExecutor(1, get_context("spawn"), _connect, (address,)) as pool:
        yield Attacker(pool)


def _connect(address: str) -> None:
    global _channel
    os.nice(19)  # a real attacker computes on a machine of its own
    _channel = grpc.insecure_channel(address)


def _send(shot: Shot) -> str:
    kinds = ("stream" if shot.client_streams else "unary", "stream" if shot.server_streams else "unary")
    call = getattr(_channel, "_".join(kinds))(shot.method, request_serializer=bytes)
    options: dict[str, Any] = {
        "metadata": () if shot.key is None else (("authorization", f"Bearer {shot.key}"),),
        "compression": grpc.Compression.Gzip if len(shot.request) > 10_000 else None,
        "timeout": 2 if shot.server_streams else 20,
    }
    try:
        answer = call(iter([shot.request]) if shot.client_streams else shot.request, **options)
        if shot.server_streams:
            next(answer, None)
            answer.cancel()
    except grpc.RpcError as error:
        failure = remote_failure(error)  # type: ignore[arg-type]
        return f"{failure.code} {failure.reason}"
    return "OK"
