"""Peak resident memory of api, worker and decode child: one minute of real speech against sixty, looped.

A stack of the bench's own runs all services. Stand-ins that answer at once take the place of asr and diarizer, so that
sixty minutes end soon: what is measured is the gateway. --real-engines leaves the real ones. Nothing is asserted.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import grpc
from locution_client.transcription import Options, transcribe

from tests.bench import command
from tests.bench.installation import Installation, installation
from tests.bench.processes import ChildWatch, mebibytes, peak_resident
from tests.bench.recipes import long_speech, looped, write_wav
from tests.bench.recordings import ROOT
from tests.bench.table import Row
from tests.support import processes

AIM: Final = "≤ 1.3"
LOOP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peak bytes of each process in one run."""

    api: int
    worker: int
    child: int


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    made = command.parser("memory", __doc__)
    made.add_argument("--minutes", type=command.positive, default=60, metavar="N", help="the long one (60)")
    made.add_argument("--real-engines", action="store_true", help="let the real asr and diarizer work")
    options = made.parse_args(argv)
    command.end_on_sigterm()
    minutes = (1, 3 if options.small else options.minutes)
    with installation() as running:
        short, long = (_measured(running, length, options.real_engines) for length in minutes)
    engines = (
        "The real engines worked." if options.real_engines else "Stand-ins that answer at once took the engines' place."
    )
    rows = [_row(name, getattr(short, name), getattr(long, name), minutes) for name in ("api", "worker", "child")]
    command.show("memory", rows, options, notes=[engines, "Input: 16 kHz mono WAV, one minute of real speech looped."])


def _measured(running: Installation, minutes: int, real_engines: bool) -> Peaks:
    """Transcribe one recording in fresh processes."""
    command.say(f"{minutes} minutes: starting api and worker afresh")
    running.restart("gateway", "worker")
    api, worker = running.pid("gateway"), running.pid("worker")
    engines = nullcontext() if real_engines else instant_engines(running)
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder, engines:
        path = Path(folder) / "speech.wav"
        write_wav(path, looped(long_speech(LOOP_SECONDS), minutes * 60.0))
        with ChildWatch(worker) as children:
            asyncio.run(_transcribe(running, path))
    peaks = Peaks(peak_resident(api), peak_resident(worker), children.peak)
    command.say(
        f"{minutes} minutes: {', '.join(f'{name} {mebibytes(getattr(peaks, name))}' for name in Peaks.__slots__)}"
    )
    return peaks


async def _transcribe(running: Installation, path: Path) -> None:
    async with running.client() as client:
        await transcribe(client, path, Options(language="en"))


def _row(name: str, short: int, long: int, minutes: tuple[int, int]) -> Row:
    what = f"peak resident memory of {'the decode child' if name == 'child' else name}"
    return Row(
        what=f"{what}, {minutes[1]} minutes against {minutes[0]}",
        aim=AIM,
        measured=f"{long / short:.2f}" if short else "the child was too quick to be seen",
        ours=mebibytes(long),
        baseline=f"the same with {minutes[0]} minute: {mebibytes(short)}",
    )


@contextmanager
def instant_engines(running: Installation) -> Iterator[None]:
    """Put stand-ins on the addresses of asr and diarizer, to be called after a restart.

    A restart gives a dead process another port where its own is taken: the stand-ins must not be there meanwhile.
    """
    addresses = {name: running.address(name) for name in ("asr", "diarizer")}
    running.end_quietly(*addresses)
    arguments = [part for name, address in addresses.items() for part in (f"--{name}", address)]
    log = running.state / "logs" / "instant-engines.log"
    process = processes.spawn([sys.executable, "-m", "tests.bench.instant_engines", *arguments], log=log, cwd=ROOT)
    try:
        for address in addresses.values():
            processes.wait_until(partial(_answers, address), seconds=60, what=f"stand-ins ({log})", alive=[process])
        yield
    finally:
        processes.kill(process)


def _answers(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
    return True


if __name__ == "__main__":
    main()
