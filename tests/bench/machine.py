"""Say what a figure was measured on and with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("faster-whisper", "ctranslate2", "pyannote.audio", "torch", "onnxruntime", "grpcio")


def describe(device: str = "cpu") -> list[str]:
    """Return lines on machine, versions, commit and date."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"{processor()}, {len(os.sched_getaffinity(0))} cores usable, {memory:.0f} GiB, {platform.system()}"
    return [
        f"Machine: {machine}; {gpu()}" if device == "cuda" else f"Machine: {machine}; no GPU used",
        f"Load average at the end (1, 5, 15 minutes): {load}",
        f"Software: Python {platform.python_version()}, {', '.join(versions())}",
        f"Commit: {commit()}; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]


def processor() -> str:
    """Return the processor's model."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def gpu() -> str:
    """Return the GPUs' names."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "no GPU found"
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return "; ".join(done.stdout.split("\n")).strip("; ") or "no GPU found"


def versions() -> list[str]:
    """Return the libraries whose speed is measured, with their versions."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the commit, and whether tracked files differ from it."""
    name = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{name or 'unknown'}{' with uncommitted changes' if changed else ''}"


def _git(*arguments: str) -> str:
    if shutil.which("git") is None:
        return ""
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()
