"""Memory of processes, from /proc."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

PERIOD = 0.02


class ProcessGone(Exception):
    """The process whose memory was asked for has ended."""


def peak_resident(pid: int) -> int:
    """Return the most bytes of memory that a process has occupied since its start; raises ProcessGone."""
    return _status(pid, "VmHWM")


def resident(pid: int) -> int:
    """Return the bytes of memory that a process occupies; raises ProcessGone."""
    return _status(pid, "VmRSS")


def descendants(pid: int) -> list[int]:
    """Return a process's children and theirs."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [*children, *(deeper for child in children for deeper in descendants(child))]


@dataclass
class ChildWatch:
    """Watches the children of a process that come and go, and keeps the peak of the greatest one."""

    parent: int
    peaks: dict[int, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> ChildWatch:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def peak(self) -> int:
        """Return the peak of the greatest child in bytes, 0 where there was none."""
        return max(self.peaks.values(), default=0)

    def _watch(self) -> None:
        while not self._stop.is_set():
            for child in descendants(self.parent):
                self._note(child)
            time.sleep(PERIOD)

    def _note(self, child: int) -> None:
        try:
            self.peaks[child] = peak_resident(child)
        except ProcessGone:
            return


def mebibytes(size: float) -> str:
    """Return a size in MiB."""
    return f"{size / 2**20:.0f} MiB"


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        raise ProcessGone(f"process {pid} has ended") from error
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ProcessGone(f"process {pid} has ended")  # a zombie states no memory
