"""Live sessions: time to confirmed words, streams carried, text against the file's, faults, memory, many streams.

A stack of the bench's own runs all services (--state FOLDER takes one that runs). Each row of --rows stands alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.bench import command, live_faults, live_rows, live_scale
from tests.bench.installation import Installation, installation
from tests.bench.table import Row

Measure = Callable[[Installation, bool, int], Coroutine[Any, Any, list[Row]]]

ROWS: Mapping[str, Measure] = {
    "confirmed": live_rows.confirmed,
    "ended": live_rows.ended,
    "carried": live_rows.carried,
    "finals": live_rows.finals,
    "loaded": live_rows.loaded,
    "faults": live_faults.faults,
    "hours": live_scale.hours,
    "many": live_scale.many,
    "cancels": live_scale.cancels,
}
NOTES = (
    "Words are confirmed when they first stand in `confirmed` of a partial, or in a final; timed from their end.",
    "Model: whisper/tiny.en, int8, steps of 0.5 s.",
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    made = command.parser("live", __doc__)
    made.add_argument("--rows", type=command.chosen, default=tuple(ROWS), metavar="A,B", help=f"of {', '.join(ROWS)}")
    made.add_argument("--times", type=command.positive, default=20, metavar="N", help="faults of each kind (20)")
    made.add_argument("--state", type=Path, metavar="FOLDER", help="state of a stack that runs, instead of a fresh one")
    options = made.parse_args(argv)
    command.end_on_sigterm()
    times = 2 if options.small else options.times
    limits = {
        "LOCUTION_LIVE_STREAMS": "120",
        "LOCUTION_CONCURRENT_STREAMS": "10000",
        "LOCUTION_QUOTA_CALLS_PER_SECOND": "10000",
        "LOCUTION_QUOTA_CALLS_PER_SECOND_PER_PRINCIPAL": "10000",
    }
    stack = nullcontext(Installation(options.state, {})) if options.state else installation(**limits)
    rows: list[Row] = []
    with stack as running:
        for name in options.rows:
            command.say(f"row {name}")
            found = _row(name, running, options.small, times)
            rows += found
            for row in found:
                command.say(f"{row.what}: {row.measured}")
    command.show("live", rows, options, notes=NOTES)
    if any(row.measured == command.FAILED for row in rows):
        raise SystemExit(1)


def _row(name: str, running: Installation, small: bool, times: int) -> list[Row]:
    """Measure one row; a failure becomes its line, so that the time behind it is not lost."""
    try:
        return asyncio.run(ROWS[name](running, small, times))
    except Exception as error:  # noqa: BLE001 - told in full here, in the table and by the exit status
        return [command.failed(name, error)]


if __name__ == "__main__":
    main()
