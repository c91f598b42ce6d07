"""Progress bars on a terminal; nothing in a pipe."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from locution.v1 import job_service_pb2 as pb

from locution_client.cli import show
from locution_client.transcription import Observer, Silent

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bars:
    """Show one bar for every stage of every file, in seconds of audio."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._label = label
        self._bars: dict[str, TaskID] = {}

    def uploading(self, sent: int, total: int | None) -> None:
        """Show the bytes sent."""
        megabytes = 1e6
        self._update("upload", sent / megabytes, None if total is None else total / megabytes, "MB")

    def created(self, job: pb.Job) -> None:
        """Replace the upload's bar by the job's."""
        self._drop("upload")
        self._update("queued", 0.0, None, "")

    def happened(self, event: pb.JobEvent) -> None:
        """Show the seconds of audio that a stage has finished."""
        if event.WhichOneof("event") != "stage_progress":
            return
        self._drop("queued")
        done = event.stage_progress
        total = show.seconds(done.total_duration) if done.HasField("total_duration") else None
        self._update(show.stage(done.kind), show.seconds(done.done_duration), total, "s")

    def _update(self, what: str, done: float, total: float | None, unit: str) -> None:
        amount = f"{done:.1f}" + (f" / {total:.1f}" if total is not None else "") + f" {unit}" if unit else ""
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(f"{self._label} {what}", total=total, amount=amount)
        self._progress.update(self._bars[what], completed=done, total=total, amount=amount)

    def _drop(self, what: str) -> None:
        if what in self._bars:
            self._progress.remove_task(self._bars.pop(what))


class Screen:
    """Own the terminal while a command works on files; without a terminal, do nothing."""

    def __init__(self) -> None:
        self._progress = _bars() if sys.stderr.isatty() else None

    def shown(self) -> AbstractContextManager[object]:
        """Show the bars inside a `with` block."""
        return self._progress if self._progress is not None else nullcontext()

    def observer(self, label: str) -> Observer:
        """Return the progress display of one file."""
        return Bars(self._progress, label) if self._progress is not None else Silent()


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
