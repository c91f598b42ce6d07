"""Transcribe one long recording twice: undisturbed, and with worker and asr killed while it runs.

Both jobs are of one upload, with the real services and models. The worker takes few sections at once, so that some have
finished and others have not begun whenever a process is killed; it is started again at once. The second transcript is
compared with the first byte for byte, and a trigger in the database tells whether any section was begun again after it
had finished. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from locution.v1 import job_service_pb2 as pb
from locution_client import Client
from locution_client.transcription import Options

from tests.bench import command
from tests.bench.engine_rows.bench import DIARIZER_MODEL
from tests.bench.installation import Installation, installation
from tests.bench.queue import url
from tests.bench.recipes import SEED, long_speech, write_wav
from tests.bench.stage_history import Sections, StageHistory, stage_history
from tests.bench.table import Row

VICTIMS: Final = ("worker", "asr")
DELAY: Final = 3.0
"""Seconds within which a process is killed once so many sections as planned have finished."""
POLL: Final = 0.1


class JobEndedOtherwise(Exception):
    """A job of the bench did not succeed."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One job: its exported text and JSON, its seconds, what became of its sections, and when processes were killed."""

    text: bytes
    json: bytes
    seconds: float
    sections: Sections
    kills: tuple[str, ...] = ()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    options = _options(argv)
    command.end_on_sigterm()
    with (
        installation(LOCUTION_WORKER_STAGES=str(options.stages)) as running,
        tempfile.TemporaryDirectory(prefix="locution-bench-") as folder,
    ):
        path = Path(folder) / "speech.wav"
        write_wav(path, iter([long_speech(options.minutes * 60.0)]))
        clean, struck = asyncio.run(_run(running, path, options))
    command.show("recording", _rows(options, clean, struck), options, notes=[f"Kills: {'; '.join(struck.kills)}"])


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    made = command.parser("recording", __doc__)
    made.add_argument("--minutes", type=command.positive, default=60, metavar="N", help="of the recording (60)")
    made.add_argument("--kills", type=command.positive, default=3, metavar="N", help="of worker and of asr each (3)")
    made.add_argument("--stages", type=command.positive, default=3, metavar="N", help="sections at once (3)")
    made.add_argument("--model", default="tiny.en", metavar="NAME", help="Whisper model (tiny.en)")
    made.add_argument("--speakers", action="store_true", help="tell speakers apart too, which takes longer")
    options = made.parse_args(argv)
    if options.small:
        options.minutes, options.kills, options.stages = 15, 1, 1
    return options


async def _run(running: Installation, path: Path, options: argparse.Namespace) -> tuple[Ran, Ran]:
    async with running.client() as client, stage_history(url(running, "postgres")) as history:
        upload = (await client.uploads.send(path)).name
        jobs = Jobs(running, client, history, upload, options)
        clean = await jobs.run()
        command.say(f"undisturbed: {clean.seconds:.1f} s")
        struck = await jobs.run(_plans(options.kills, clean.sections.sections, options.stages))
        command.say(f"disturbed: {struck.seconds:.1f} s")
    return clean, struck


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to kill, `delay` seconds after so many sections have finished."""

    victim: str
    finished: int
    delay: float


def _plans(kills: int, sections: int, at_once: int) -> tuple[Plan, ...]:
    """Return seeded plans in their order; at each of them more sections are left than are worked on at once."""
    chance = random.Random(SEED)
    victims = [*VICTIMS] * kills
    chance.shuffle(victims)
    counts = sorted(chance.randrange(max(1, sections - at_once)) for _ in victims)
    return tuple(Plan(*each, chance.uniform(0, DELAY)) for each in zip(victims, counts, strict=True))


@dataclass(frozen=True, slots=True)
class Jobs:
    """Makes jobs of one upload, one after the other."""

    running: Installation
    client: Client
    history: StageHistory
    upload: str
    options: argparse.Namespace

    async def run(self, plans: Sequence[Plan] = ()) -> Ran:
        """Run one job to its end, killing as planned."""
        began = time.perf_counter()
        asked = Options(
            "en",
            f"whisper/{self.options.model}",
            DIARIZER_MODEL if self.options.speakers else None,
            self.options.speakers,
        )
        job = await self.client.jobs.create(self.upload, asked.to_config(), label="bench")
        kills = list[str]()
        killing = asyncio.create_task(self._kill(job.name, began, plans, kills))
        async for _ in self.client.jobs.watch(job.name):
            pass
        seconds = time.perf_counter() - began
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
        await self._check(job.name)
        text, whole = [await self.client.transcripts.export(job.name, form) for form in ("txt", "json")]
        return Ran(text, whole, seconds, await self.history.of(job.name), tuple(kills))

    async def _kill(self, job: str, began: float, plans: Sequence[Plan], done: list[str]) -> None:
        for plan in plans:
            while await self.history.finished(job) < plan.finished:
                await asyncio.sleep(POLL)
            await asyncio.sleep(plan.delay)
            finished, now = await self.history.finished(job), time.perf_counter() - began
            await asyncio.to_thread(self.running.stack, "kill", plan.victim)
            await asyncio.to_thread(self.running.stack, "start", plan.victim, "--no-wait")
            done.append(f"{plan.victim} at {now:.0f} s, {finished} sections finished")
            command.say(f"killed and started: {done[-1]}")

    async def _check(self, name: str) -> None:
        job = await self.client.jobs.get(name)
        if job.state != pb.Job.STATE_SUCCEEDED or job.warnings:
            state = pb.Job.State.Name(job.state)
            raise JobEndedOtherwise(f"{name} ended as {state}: {job.error} {list(job.warnings)}")


def _rows(options: argparse.Namespace, clean: Ran, struck: Ran) -> list[Row]:
    killed = f"{len(struck.kills)} times kill -9 of worker or asr"
    found, words = struck.sections, len(clean.text.split())
    return [
        Row(
            what=f"text of {options.minutes} minutes, {options.model}, {options.stages} sections at once, {killed}",
            aim="the same to the byte",
            measured="the same"
            if struck.text == clean.text
            else f"{_differing(clean, struck)} of {words} words differ",
            ours=f"{struck.seconds:.0f} s",
            baseline=f"undisturbed: {clean.seconds:.0f} s",
            remarks=f"{words} words; JSON with times and probabilities: "
            f"{'the same' if struck.json == clean.json else 'not the same'}",
        ),
        Row(
            what="sections begun again after they had finished",
            aim="0",
            measured=str(found.again),
            ours=f"{found.finished} of {found.sections} sections finished, begun {found.begun} times in all",
            baseline=f"undisturbed: {clean.sections.finished} finished, begun {clean.sections.begun} times",
            remarks="those begun more than once were under way when a process was killed",
        ),
    ]


def _differing(clean: Ran, struck: Ran) -> int:
    before, after = clean.text.split(), struck.text.split()
    changes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for kind, a, b, c, d in changes if kind != "equal")


if __name__ == "__main__":
    main()
