"""The ports of the stack: fixed defaults, or others if a default is taken.

All but the gateway's are below the kernel's range for outgoing connections (32768 and up), which could otherwise take a
port between its choice and its use.
"""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from locution_local.errors import StackError

HOST = "127.0.0.1"

GATEWAY = 50051
"""The public API's port, unless LOCUTION_PORT names another."""

METRICS = 100
"""A service's metrics port is its own port plus this."""

WEED_GRPC = 10000
"""The S3 server's parts derive their gRPC ports from their own ports by this offset."""

WEED = {"s3": 18333, "s3-master": 18334, "s3-volume": 18335, "s3-filer": 18336, "s3-admin": 18337}

ASR = 20061

TURN = 20050
"""Bound by the command that may use the defaults; other commands of the host leave them alone meanwhile."""

BLOCKS = [range(first, first + METRICS - 1) for first in range(21_000, 22_000, 2 * METRICS)]
"""Ports that replace defaults. A command takes them from one block, and binds the port behind it meanwhile."""

DEFAULTS: Mapping[str, int] = {
    "postgres": 24329,
    **WEED,
    "gateway": GATEWAY,
    "worker": 20052,
    "registry": 20053,
    "diarizer": 20054,
}


def free(port: int) -> bool:
    """Tell whether nothing listens on the port of this host."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


@dataclass(frozen=True, slots=True)
class Turn:
    """What a command may choose from: the defaults, if no other command of the host may, and a block of its own."""

    defaults: bool
    block: range


@contextmanager
def turn() -> Iterator[Turn]:
    """Reserve ports while a command chooses some and starts processes on them. Raises StackError if too many do."""
    with ExitStack() as held:
        block = next((block for block in BLOCKS if _hold(held, block.stop)), None)
        if block is None:
            raise StackError(f"{len(BLOCKS)} other stacks are being started on this host; try again when they are up")
        yield Turn(_hold(held, TURN), block)


def _hold(held: ExitStack, port: int) -> bool:
    holder = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    try:
        holder.bind((HOST, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


def settle(name: str, recorded: Mapping[str, int], allowed: Turn) -> int:
    """Choose the port of a process that is not running: the recorded one, its default, or one of the block."""
    if name == "gateway" and os.environ.get("LOCUTION_PORT"):
        return _asked()
    distances = companions(name)
    wanted = recorded.get(name) or (default(name) if allowed.defaults else None)
    if wanted is not None and _all_free(wanted, distances):
        return wanted
    return _another(allowed.block, distances, taken=recorded.values())


def default(name: str) -> int:
    """Return the default port of a process; asr replicas count upwards."""
    if name.startswith("asr"):
        return ASR + int(name.partition("-")[2] or 1) - 1
    return DEFAULTS[name]


def companions(name: str) -> tuple[int, ...]:
    """Return the offset of a process's additional ports."""
    if name in WEED:
        return (0, WEED_GRPC)
    return (0,) if name == "postgres" else (0, METRICS)


def _asked() -> int:
    port = int(os.environ["LOCUTION_PORT"])
    if not _all_free(port, (0, METRICS)):
        raise StackError(f"LOCUTION_PORT={port} or {port + METRICS}, its metrics port, is taken by another program")
    return port


def _all_free(port: int, distances: tuple[int, ...]) -> bool:
    return all(port + distance < 65536 and free(port + distance) for distance in distances)


def _another(block: range, distances: tuple[int, ...], *, taken: Iterable[int]) -> int:
    avoided = set(taken)
    for port in random.SystemRandom().sample(block, len(block)):
        if port not in avoided and _all_free(port, distances):
            return port
    raise StackError(f"found no free port from {block.start} to {block.stop - 1}")
