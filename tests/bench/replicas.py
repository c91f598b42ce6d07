"""How soon a service's first replica is used after it is ready, beside gRPC's own look-ups.

A name resolves nowhere while callers ask for it, as a headless Kubernetes Service without ready pods. Then a server
starts and the name resolves to it. Both sides have channels with the same options, and call twice a second. "Kept": DNS
keeps saying that there is no such name, and only the name after the semicolon resolves. Runs in a network namespace of
its own: Linux and root only.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import grpc
from locution_common import channels

from tests.bench import command
from tests.bench.table import Row
from tests.egress.recorders import Resolver
from tests.support import namespaces
from tests.support.processes import free_ports

METHOD = "/bench.Replica/Echo"
NAME, READY = "replicas.bench", "ready.bench"
HERE = "127.0.0.1"
AIM = 3.0

Call: TypeAlias = Any
"""A method of a channel; grpc has no stubs for its types."""


async def main(options: argparse.Namespace) -> None:
    """Measure both sides in turn, and print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, Resolver() as resolver:
        namespaces.use_resolver(Path(folder))
        for down in (2.0,) if options.small else (10.0, 40.0):
            took: dict[str, list[float]] = {"gRPC": [], "Locution": [], "Locution, kept": []}
            for turn in range(options.rounds):
                for side in took if turn % 2 else reversed(took):
                    took[side].append(await _trial(resolver, side, down))
                    command.say(f"{down:.0f} s without a replica: {side} {took[side][-1]:.2f} s")
            rows.append(_row(down, took))
    command.show("replicas", rows, options)


async def _trial(resolver: Resolver, side: str, down: float) -> float:
    """Return the seconds from the start of a server to the first call that it answers."""
    resolver.known = {READY: HERE}
    (port,) = free_ports(1)
    server = grpc.aio.server()
    echo: Any = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Replica", {"Echo": echo}),))
    async with _channel(side, port) as channel:
        call: Call = channel.unary_unary(METHOD)
        until = time.monotonic() + down
        while time.monotonic() < until:
            await _answers(call)
            await asyncio.sleep(0.5)
        server.add_insecure_port(f"{HERE}:{port}")
        await server.start()
        began = time.monotonic()
        if side != "Locution, kept":
            resolver.known = {READY: HERE, NAME: HERE}
        while not await _answers(call):
            await asyncio.sleep(0.05)
        took = time.monotonic() - began
    await server.stop(0)
    return took


def _channel(side: str, port: int) -> grpc.aio.Channel:
    if side == "gRPC":
        return grpc.aio.insecure_channel(f"dns:///{NAME}:{port}", options=channels.options())
    return channels.open_channel(f"{NAME}:{port};{READY}:{port}" if side == "Locution, kept" else f"{NAME}:{port}")


async def _answers(call: Call) -> bool:
    try:
        await call(b"", timeout=2)
    except grpc.aio.AioRpcError:
        return False
    return True


async def _echo(request: bytes, _context: object) -> bytes:
    return request


def _row(down: float, took: dict[str, list[float]]) -> Row:
    own, kept, theirs = (took[side] for side in ("Locution", "Locution, kept", "gRPC"))
    worst = max(*own, *kept)
    return Row(
        what=f"first replica after {down:.0f} s without one",
        aim=f"≤ {AIM:.0f} s",
        measured=f"{worst:.1f} s at worst; {median(theirs) / median(own):.1f}×",
        ours=f"{_spread(own)}; while DNS keeps its answer {_spread(kept)}",
        baseline=f"gRPC's own look-ups: {_spread(theirs)}",
        remarks=f"{len(own)} rounds",
    )


def _spread(values: list[float]) -> str:
    return f"{median(values):.1f} s ({min(values):.1f} to {max(values):.1f})"


def _options(arguments: list[str]) -> argparse.Namespace:
    made = command.parser("replicas", __doc__)
    command.add_rounds(made, 3)
    return made.parse_args(arguments)


if __name__ == "__main__":
    if sys.argv[1:2] == [namespaces.INSIDE]:
        del sys.argv[1]
        asyncio.run(main(_options(sys.argv[1:])))
    else:
        _options(sys.argv[1:])
        if reason := namespaces.missing():
            sys.exit(f"there can be no network namespace: {reason}")
        sys.exit(namespaces.enter("tests.bench.replicas", sys.argv[1:]))
