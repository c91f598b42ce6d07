"""The ports of the stack: fixed defaults, or others if a default is taken or another command may be taking it.

All but the gateway's are below the kernel's range for outgoing connections (32768 and up), which could otherwise take a
port between its choice and its use.
"""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice

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

BLOCKS = [
    range(first, first + METRICS // 2 - 1)
    for pair in range(20_200, 22_000, 2 * METRICS)
    for first in (pair, pair + METRICS // 2)
]
"""Ports used instead of the defaults, in blocks. A command reserves a block by binding the port after it."""

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
    """Ports that a command may choose: its own blocks, and the defaults unless another command has them."""

    defaults: bool
    blocks: Sequence[range]

    def allows(self, name: str, port: int) -> bool:
        """Tell whether no other command can choose the port for one of its processes meanwhile."""
        if port == default(name):
            return self.defaults
        return _block(port) in (None, *self.blocks)


@contextmanager
def turn(recorded: Mapping[str, int]) -> Iterator[Turn]:
    """Reserve ports while a command chooses some and starts processes on them; those of its record first.

    Raises StackError if all blocks are reserved.
    """
    with ExitStack() as held:
        own = {block for block in map(_block, recorded.values()) if block}
        blocks = [block for block in BLOCKS if block in own and _hold(held, block.stop)]
        if not blocks:
            anywhere = random.SystemRandom().sample(BLOCKS, len(BLOCKS))
            blocks = list(islice((block for block in anywhere if _hold(held, block.stop)), 1))
        if not blocks:
            raise StackError(f"{len(BLOCKS)} other stacks are being started on this host; try again when they are up")
        yield Turn(_wants_defaults(recorded) and _hold(held, TURN), blocks)


def _block(port: int) -> range | None:
    return next((block for block in BLOCKS if port in block), None)


def _wants_defaults(recorded: Mapping[str, int]) -> bool:
    defaults = {**DEFAULTS, "asr": ASR}
    return any(recorded.get(name, port) == port for name, port in defaults.items())


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
    """Choose the port of a process that is not running: the recorded one, else its default, else one of a block.

    A recorded port or a default counts only if the command holds it: another command may be about to use it.
    """
    if name == "gateway" and os.environ.get("LOCUTION_PORT"):
        return _asked()
    distances = companions(name)
    wanted = recorded.get(name) or default(name)
    if allowed.allows(name, wanted) and _all_free(wanted, distances):
        return wanted
    return _another(allowed.blocks, distances, taken=recorded.values())


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


def _another(blocks: Sequence[range], distances: tuple[int, ...], *, taken: Iterable[int]) -> int:
    avoided = set(taken)
    for block in blocks:
        for port in random.SystemRandom().sample(block, len(block)):
            if port not in avoided and _all_free(port, distances):
                return port
    searched = ", ".join(f"{block.start} to {block.stop - 1}" for block in blocks)
    raise StackError(f"found no free port in {searched}; stop another stack of this host")
