"""Measure uploads: WriteUpload and presigned parts beside a plain minio client, the api's memory, and what cuts cost.

Every round puts fresh random bytes each way, one after the other. Throughput counts until the upload is acknowledged,
the client's own SHA-256 included; the time until it was read back and is READY is reported beside. One great upload is cut off
at random moments, its client killed or its connection reset, and the bytes sent again are counted. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from locution_client import Client

from tests.bench import command
from tests.bench.figures import ratios, spread
from tests.bench.installation import Installation, installation
from tests.bench.processes import mebibytes, peak_resident
from tests.bench.table import Row
from tests.bench.upload_clients import by_parts, by_stream, connection, make_file, ready, store
from tests.bench.upload_cuts import cuts

ROWS: Final = ("throughput", "memory", "cuts")
PLAIN: Final = "plain minio put"
STREAM: Final = "one WriteUpload stream"
PARTS: Final = "presigned parts, four at once"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    options = _options(argv)
    command.end_on_sigterm()
    with installation() as running, tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        rows = asyncio.run(_run(running, Path(folder), options))
    command.show("uploads", rows, options, notes=[f"Rounds: {options.rounds}; store: the local stack's S3 server"])


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    made = command.parser("uploads", __doc__)
    made.add_argument("--rows", type=command.chosen, default=ROWS, metavar="A,B", help=f"{', '.join(ROWS)} (all)")
    made.add_argument("--mebibytes", type=command.positive, default=512, metavar="N", help="size of an upload (512)")
    made.add_argument("--parallel", type=command.positive, default=20, metavar="N", help="uploads at once (20)")
    made.add_argument("--each", type=command.positive, default=64, metavar="N", help="MiB of each of them (64)")
    made.add_argument("--whole", type=command.positive, default=2048, metavar="N", help="MiB of the one cut off (2048)")
    made.add_argument("--cuts", type=command.positive, default=5, metavar="N", help="how often it is cut off (5)")
    command.add_rounds(made)
    options = made.parse_args(argv)
    if unknown := [name for name in options.rows if name not in ROWS]:
        made.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if options.small:
        options.mebibytes, options.parallel, options.each, options.whole = 20, 4, 10, 160
    return options


async def _run(running: Installation, folder: Path, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    if "throughput" in options.rows:
        rows += await _throughput(running, folder, options.mebibytes, options.rounds)
    if "memory" in options.rows:
        rows.append(await _memory(running, folder, options.parallel, options.each))
    if "cuts" in options.rows:
        rows.append(await cuts(running, folder, options.whole, options.cuts))
    return rows


async def _throughput(running: Installation, folder: Path, size: int, rounds: int) -> list[Row]:
    runs = await _measured(running, folder, size, rounds)
    theirs = runs[PLAIN]
    speed = {name: spread([size / seconds for seconds in taken]).text(" MiB/s", 0) for name, taken in runs.items()}
    return [
        Row(
            what=f"{size} MiB by {name}, digest included",
            aim="0.6×" if name == STREAM else "",
            measured=ratios(theirs, taken).text("×"),
            ours=speed[name],
            baseline=f"{PLAIN}: {speed[PLAIN]}",
        )
        for name, taken in runs.items()
        if name != PLAIN
    ]


async def _measured(running: Installation, folder: Path, size: int, rounds: int) -> dict[str, list[float]]:
    """Return each way's seconds by round; every round and way has bytes of its own, for a store keeps a digest once."""
    where, plain, taken = connection(running), store(running), dict[str, list[float]]()
    async with running.client() as client:
        ways: dict[str, Callable[[Path], Awaitable[str]]] = {
            PLAIN: lambda path: asyncio.to_thread(plain.put, path),
            STREAM: lambda path: by_stream(client, path),
            PARTS: lambda path: by_parts(where, path),
        }
        for name, way in ways.items():  # a store that has just started serves its first bytes slowly
            await _timed(client, name, way, await asyncio.to_thread(make_file, folder / "upload", size), {})
            command.say(f"warmed up: {name}")
        for number in range(rounds):
            for name in list(ways) if number % 2 == 0 else reversed(ways):
                path = await asyncio.to_thread(make_file, folder / "upload", size)
                await _timed(client, name, ways[name], path, taken)
                command.say(f"round {number + 1} of {rounds}, {name}: {taken[name][-1]:.2f} s")
    return taken


async def _timed(
    client: Client, name: str, way: Callable[[Path], Awaitable[str]], path: Path, taken: dict[str, list[float]]
) -> None:
    """Time one upload until it is acknowledged, and one of ours until it is READY, which also ends its load."""
    began = time.perf_counter()
    upload = await way(path)
    taken.setdefault(name, []).append(time.perf_counter() - began)
    if name != PLAIN:
        await ready(client, upload)
        taken.setdefault(f"{name}, until READY", []).append(time.perf_counter() - began)


async def _memory(running: Installation, folder: Path, parallel: int, each: int) -> Row:
    """Send many files at once into a fresh api."""
    running.restart("gateway")
    fresh = peak_resident(running.pid("gateway"))
    paths = [make_file(folder / f"upload-{number}", each) for number in range(parallel)]
    async with running.client() as client:
        names = await asyncio.gather(*(by_stream(client, path) for path in paths))
        for name in names:
            await ready(client, name)
    peak = peak_resident(running.pid("gateway"))
    command.say(f"{parallel} uploads at once: {mebibytes(peak)}")
    return Row(
        what=f"peak resident memory of api, {parallel} uploads of {each} MiB at once",
        aim="≤ 300 MB",
        measured=f"{peak / 1e6:.0f} MB",
        ours=mebibytes(peak),
        baseline=f"the same before any upload: {mebibytes(fresh)}",
    )


if __name__ == "__main__":
    main()
