"""One node of Kubernetes in namespaces of its own: start it, run commands in it, end it.

Ending the first process of the namespaces ends all of it. Nothing inside reaches the network outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.cluster import images
from tests.cluster.home import ROOT, ClusterError, environment, home, run, say, state
from tests.support import processes

NAME: Final = "node1"
ADDRESS: Final = "198.51.100.1"
PODS: Final = "10.244.0.0/16"
SERVICES: Final = "10.96.0.0/16"
CGROUP: Final = "locution"

FOLDERS: Final = (
    *("var/lib/kubelet", "var/lib/containerd", "var/lib/cni", "run/containerd", "etc/cni/net.d", "etc/kubernetes"),
    *("etc/containerd", "var/log/pods", "var/log/containers", "run/netns", "run/runc", "opt/containerd"),
    "usr/libexec/kubernetes",
)
"""What the node's parts write outside of their options: folders of the state, mounted over the machine's."""

IMAGES: Final = "var/lib/containerd"
"""Of these folders the one that is kept: a next run finds the images there."""

CONFIGURATION: Final = Path("/etc/kubernetes")
_CGROUPS: Final = Path("/sys/fs/cgroup")


def token(user: str) -> str:
    """Return the token by which a user of the API server is known; nobody outside reaches the server."""
    return hashlib.sha256(user.encode()).hexdigest()[:40]


def up() -> None:
    """Start a node without objects and load the images that it lacks; a docker daemon must run. Raises ClusterError if a node runs already."""
    if pid() is not None:
        raise ClusterError("the node runs already: end it with `python -m tests.cluster down`")
    started = time.monotonic()
    if state().exists():
        shutil.rmtree(state())
    for folder in FOLDERS:
        Path("/", folder).mkdir(parents=True, exist_ok=True)
        if folder != IMAGES:
            (state() / folder).mkdir(parents=True)
    kept = home() / "containerd"
    kept.mkdir(parents=True, exist_ok=True)
    (state() / IMAGES).symlink_to(kept)
    (state() / "logs").mkdir()
    _make_cgroups()
    command = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    with (state() / "logs/inside").open("wb") as log:
        outer = subprocess.Popen(
            [*command, sys.executable, "-m", "tests.cluster.inside"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    try:
        what = "the namespaces"
        processes.wait_until(lambda: bool(children.read_text().strip()), seconds=60, what=what, alive=[outer])
        (state() / "pid").write_text(children.read_text().strip())
    except BaseException:
        outer.kill()  # and with it, by --kill-child, all inside
        raise
    _wait_ready()
    say(f"the node is ready after {time.monotonic() - started:.0f} s; loading the images")
    images.load(enter("ctr", "--namespace", "k8s.io", "images"))
    say(f"the images are loaded after {time.monotonic() - started:.0f} s")


def down() -> None:
    """End the node and remove its control groups; its logs and volumes stay until the next start."""
    first = pid()
    if first is not None:
        os.kill(first, signal.SIGKILL)
        processes.wait_until(lambda: pid() is None, seconds=30, what="the end of the node")
    folders = [controller / CGROUP for controller in _controllers()]
    processes.wait_until(lambda: all(map(_remove, folders)), seconds=60, what="the end of all containers")


def pid() -> int | None:
    """Return the process id of the node's first process if it lives."""
    file = state() / "pid"
    if not file.exists():
        return None
    number = int(file.read_text())
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return None
    return number if b"tests.cluster.inside" in command else None


def enter(*command: str | Path, network_only: bool = False) -> list[str]:
    """Return a command line that runs a command in the node: in all namespaces, or with its network alone."""
    first = pid()
    if first is None:
        raise ClusterError("the node does not run: start it with `python -m tests.cluster up`")
    kinds = ["--net"] if network_only else ["--net", "--mount", "--pid", "--uts", "--ipc"]
    place = [] if network_only else [f"--wdns={ROOT}"]
    return ["nsenter", "--target", str(first), *kinds, *place, "--", *map(str, command)]


def inside(*command: str | Path, seconds: float = 60, text: str | None = None) -> str:
    """Run a command in the node and return its output. Raises ClusterError."""
    return run(enter(*command), seconds=seconds, env=inner_environment(), text=text)


def start(name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a further process in the node; it ends with the returned one, with the node, or with this process."""
    bound = [*processes.DYING, *command]
    return processes.spawn(enter(*bound), log=state() / "logs" / name, env=inner_environment())


def inner_environment() -> dict[str, str]:
    """Return the environment of commands in the node: the built programs, and the administrator of the API."""
    return {**environment(), "KUBECONFIG": str(CONFIGURATION / "admin.conf")}


def _controllers() -> list[Path]:
    return [path for path in _CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


def _make_cgroups() -> None:
    for controller in _controllers():
        (controller / CGROUP).mkdir(exist_ok=True)
    for file in ("cpuset.cpus", "cpuset.mems"):
        whole = (_CGROUPS / "cpuset" / file).read_text()
        (_CGROUPS / "cpuset" / CGROUP / file).write_text(whole)


def _remove(folder: Path) -> bool:
    """Remove a control group with those below; return whether it is gone. What still holds a process stays."""
    for path, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(path).rmdir()
    return not folder.exists()


def _wait_ready() -> None:
    """Wait until the node is ready. Raises ClusterError if that takes three minutes or if the node ended."""
    deadline = time.monotonic() + 180
    while "True" not in _readiness():
        if time.monotonic() > deadline or pid() is None:
            raise ClusterError(f"the node did not become ready; see {state() / 'logs'}")
        time.sleep(0.5)


def _readiness() -> str:
    path = "{.items[*].status.conditions[?(@.type=='Ready')].status}"
    try:
        return inside("kubectl", "get", "nodes", "--output", f"jsonpath={path}")
    except ClusterError:
        return ""
