"""Run a module of the tests in a network namespace of its own. Needs Linux, root, `unshare` and `ip`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSIDE = "--inside"
"""The first argument of a module that runs inside."""

UNSHARE = ("unshare", "--net", "--mount", "--propagation", "private")


def missing() -> str | None:
    """Return why there can be no namespace, or None."""
    if os.geteuid() != 0:
        return "only root may make a network namespace"
    lacking = [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} is not installed"
    made = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    return made.stderr.strip() or None


def enter(module: str, arguments: Sequence[str]) -> int:
    """Run `python -m MODULE --inside ARGUMENT...` in a namespace whose loopback interface is up; return its status."""
    up = 'ip link set lo up && exec "$@"'
    command = [sys.executable, "-m", module, INSIDE, *arguments]
    return subprocess.call([*UNSHARE, "sh", "-c", up, "sh", *command])


def ip(*arguments: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *arguments], check=True)


def use_resolver(folder: Path) -> None:
    """Ask 127.0.0.1 for names from now on; `folder` keeps files while the namespace lives."""
    files = {
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",  # no daemon outside is asked
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        if Path("/etc", name).exists():
            subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)
