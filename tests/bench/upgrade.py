"""An upgrade of the chart that replaces every pod, with a live stream and two files under way, beside the same without it.

Runs in the network of a cluster's node: `python -m tests.cluster bench`.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from locution.v1 import job_service_pb2 as pb
from locution_client import Client, Connection, Options
from locution_client.live import Session

from tests.bench import command
from tests.bench.figures import quantile
from tests.bench.live_client import MODEL, Heard, listen
from tests.bench.recipes import long_speech, write_wav
from tests.bench.recordings import RATE, Pcm
from tests.bench.table import Row
from tests.cluster.release import Release, forwarded, secret

LIVE_SECONDS: Final = 240.0
FILE_SECONDS: Final = 1200.0
SMALL: Final = 0.1
FILES: Final = 2
BEGIN: Final = 15.0
"""Seconds of live audio before the upgrade begins."""

MOST: Final = 2.0
"""Times as late as without an upgrade."""

ATTEMPTS: Final = "SELECT attempts, count(*) FROM gateway.stages WHERE job_id = $1 GROUP BY attempts ORDER BY attempts"

NOTES: Final = (
    "Chart: values-two-cores.yaml, whisper/tiny.en, one pod of each component, all of Kubernetes on the same two cores.",
    f"Live: {LIVE_SECONDS:.0f} s of English speech at real time; files: {FILES} of {FILE_SECONDS / 60:.0f} minutes. "
    f"`helm upgrade` begins {BEGIN:.0f} s after the stream and replaces every pod, the stores' too.",
    "Words are confirmed when they first stand in `confirmed` of a partial, or in a final; timed from their end.",
)


@dataclass(frozen=True, slots=True)
class Minutes:
    """What one run gave: the stream, and of each file its text and its stages by the number of their attempts."""

    heard: Heard
    texts: tuple[bytes, ...]
    attempts: tuple[dict[int, int], ...]

    @property
    def p95(self) -> float:
        """Return after how many seconds 95 % of words were confirmed."""
        return quantile(self.heard.delays, 0.95)

    def told(self) -> str:
        """Return the figures in a line."""
        middle, worst = quantile(self.heard.delays, 0.5), max(self.heard.delays)
        return f"p95 {self.p95:.2f} s, p50 {middle:.2f} s, worst {worst:.1f} s"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    options = command.parser("upgrade", __doc__).parse_args(argv)
    command.end_on_sigterm()
    share = SMALL if options.small else 1.0
    release = Release()
    release.create()
    release.provide_models()
    live, file = long_speech(share * LIVE_SECONDS), long_speech(share * FILE_SECONDS, seed=1)
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        write_wav(path := Path(folder) / "file.wav", iter([file]))
        runs = [asyncio.run(_minutes(release, path, live, upgraded)) for upgraded in (False, True)]
    rows = _rows(live, *runs)
    command.show("upgrade", rows, options, notes=NOTES)


async def _minutes(release: Release, path: Path, live: Pcm, upgraded: bool) -> Minutes:
    """Send the files, stream the audio, and wait for the texts; `upgraded` replaces every pod meanwhile."""

    async def upgrade(_: Session) -> None:
        command.say("helm upgrade begins")
        await asyncio.to_thread(release.replace_pods, int(time.time()))
        command.say("helm upgrade is done")

    async with Client(Connection(release.address, release.key)) as client:
        jobs = [await _begun(client, path) for _ in range(FILES)]
        command.say("files are sent; the stream begins")
        heard = await listen(client, live, fault=upgrade if upgraded else None, fault_after=BEGIN)
        command.say(f"the stream is done: {len(heard.delays)} words, resumed {heard.resumed} times")
        texts = [await _text(client, job) for job in jobs]
    return Minutes(heard, tuple(texts), tuple([await _attempts(job) for job in jobs]))


async def _begun(client: Client, path: Path) -> str:
    upload = await client.uploads.send(path)
    return (await client.jobs.create(upload.name, Options(language="en", asr_model=MODEL).to_config())).name


async def _text(client: Client, job: str) -> bytes:
    async for _ in client.jobs.watch(job):
        pass
    state = (await client.jobs.get(job)).state
    if state != pb.Job.STATE_SUCCEEDED:
        raise RuntimeError(f"{job} ended as {pb.Job.State.Name(state)}")
    return await client.transcripts.export(job, "txt")


async def _attempts(job: str) -> dict[int, int]:
    """Return how many of a job's stages took how many attempts."""
    with forwarded("locution-postgres", 5432) as port:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="locution", password=secret("postgres-password"), database="locution"
        )
        try:
            return dict(await connection.fetch(ATTEMPTS, job.removeprefix("jobs/")))
        finally:
            await connection.close()


def _rows(live: Pcm, without: Minutes, upgraded: Minutes) -> list[Row]:
    lost = len(live) / RATE - upgraded.heard.seconds
    again = [" and ".join(f"{count} stages in {times}" for times, count in each.items()) for each in upgraded.attempts]
    return [
        Row(
            "live words confirmed during an upgrade, p95, against without",
            f"≤ {MOST:g}×",
            f"{upgraded.p95 / without.p95:.2f}×",
            upgraded.told(),
            without.told(),
            f"{len(upgraded.heard.delays)} and {len(without.heard.delays)} words; resumed {upgraded.heard.resumed} times",
        ),
        Row("live audio lost by the upgrade", "0 s", f"{lost:.3f} s"),
        Row(
            "text of the files, with the upgrade against without",
            "the same",
            "the same" if upgraded.texts == without.texts else "not the same",
            f"attempts: {'; '.join(again)}",
        ),
    ]


if __name__ == "__main__":
    main()
