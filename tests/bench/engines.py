"""Measure asr and diarizer against faster-whisper and pyannote.audio, side by side, as one table.

Each row runs the baseline and the real services (separate processes of a local stack of the bench's own, over gRPC)
in turn, round by round. Ratios are judged, absolute figures reported; nothing is asserted. docs/benchmarks.md says how.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from tests.bench import command, scoring
from tests.bench.engine_client import MODES
from tests.bench.engine_rows import cancels, field, jobs, memory, people, speakers, speed, text
from tests.bench.engine_rows.bench import Bench
from tests.bench.installation import Installation, installation
from tests.bench.table import Row

ROWS: Final[dict[str, Callable[[Bench], Awaitable[list[Row]]]]] = {
    "short": speed.short,
    "files": speed.files,
    "long": speed.long,
    "grpc": speed.grpc,
    "wer": text.wer,
    "wer-auto": text.wer_auto,
    "cues": text.cues,
    "noise": text.noise,
    "field": field.field,
    "two-languages": field.two_languages,
    "ten-minutes": field.ten_minutes,
    "diarization": speakers.diarization,
    "speakers": people.speakers,
    "memory-asr": memory.memory_asr,
    "memory-diarizer": memory.memory_diarizer,
    "cancels": cancels.cancels,
    "cancels-diarizer": cancels.cancels_diarizer,
    "job": jobs.job,
    "clip": jobs.clip,
}
MODELS: Final = ("tiny.en", "base")
NOTES: Final = (
    "Baseline of speech: faster-whisper, beam 5, VAD on, word times on, int8 (float16 on a GPU), cpu_threads=2, "
    "num_workers=1; English told to both sides but where a row says otherwise.",
    "Ratios: the baseline's time over Locution's, median of the rounds (least to most).",
    scoring.NOTE,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    options = _options(argv)
    command.end_on_sigterm()
    os.environ["HF_HUB_OFFLINE"] = "1"
    rows = asyncio.run(_run(options))
    notes = [*NOTES, f"Rounds: {options.rounds}; decode mode asked for: {options.mode}"]
    command.show("engines", rows, options, notes=notes, device=options.device)
    if any(row.measured == command.FAILED for row in rows):
        raise SystemExit(1)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    described = "\n".join(f"  {name:<16} {run.__doc__}" for name, run in ROWS.items())
    made = command.parser("engines", f"{__doc__}\nrows:\n{described}")
    made.add_argument("--rows", type=command.chosen, default=tuple(ROWS), metavar="A,B", help="rows to measure (all)")
    made.add_argument(
        "--model", action="append", choices=MODELS, help="model for the rows that measure both; may be repeated"
    )
    made.add_argument(
        "--mode", choices=MODES, default="default", help="decode mode; fast does not wait for a qualification (default)"
    )
    made.add_argument(
        "--utterances", type=command.positive, default=1000, metavar="N", help="utterances of the row field (1000)"
    )
    command.add_rounds(made)
    command.add_device(made)
    options = made.parse_args(argv)
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        made.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return options


async def _run(options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    with installation(device=options.device) as running:
        for name in options.rows:
            command.say(f"row {name}")
            found = await _row(name, running, options)
            rows += found
            for row in found:
                command.say(f"{row.what}: {row.measured}")
    return rows


async def _row(name: str, running: Installation, options: argparse.Namespace) -> list[Row]:
    """Measure one row; a failure becomes its line, so that the hours behind it are not lost."""
    try:
        async with AsyncExitStack() as stack:
            bench = Bench(
                installation=running,
                stack=stack,
                models=tuple(options.model or MODELS),
                mode=options.mode,
                rounds=options.rounds,
                small=options.small,
                device=options.device,
                utterances=options.utterances,
            )
            return await ROWS[name](bench)
    except Exception as error:  # noqa: BLE001 - told in full here, in the table and by the exit status
        return [command.failed(name, error)]


if __name__ == "__main__":
    main()
