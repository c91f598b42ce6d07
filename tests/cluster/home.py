"""Where the cluster's programs, images and state lie, and what this machine must have."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent

GIB: Final = 1 << 30
DISK: Final = 45 * GIB
"""Free disk that a first run needs; later ones need what the state takes."""

PACKAGES: Final = {
    "containerd": "containerd",
    "runc": "runc",
    "dockerd": "docker.io",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ethtool": "ethtool",
    "socat": "socat",
    "ipset": "ipset",
    "ip": "iproute2",
    "openssl": "openssl",
}
"""Debian's packages by the program for which each is needed."""

CNI: Final = Path("/usr/lib/cni")


class ClusterError(Exception):
    """The cluster cannot be built or run; the message says what failed and what to do."""


def home() -> Path:
    """Return the folder that LOCUTION_CLUSTER_HOME names, or one in the user's cache."""
    named = os.environ.get("LOCUTION_CLUSTER_HOME")
    return Path(named or "~/.cache/locution/cluster").expanduser().resolve()


def state() -> Path:
    """Return the folder with everything that the running node writes."""
    return home() / "state"


def programs() -> Path:
    """Return the folder of the built programs."""
    return home() / "bin"


def missing() -> str | None:
    """Return why this machine cannot run the cluster, or None."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "the cluster runs on Linux on x86_64 only"
    if os.geteuid() != 0:
        return "only root may make the cluster's namespaces"
    if shutil.which("go") is None:
        return "no Go toolchain, with which Kubernetes is built"
    if not Path("/sys/fs/cgroup/memory").is_dir():
        return "the node was only tried with control groups of version 1"
    if lacking() and shutil.which("apt-get") is None:
        return f"{', '.join(lacking())} is missing, and there is no apt-get to install it"
    existing = next(path for path in (home(), *home().parents) if path.exists())
    first_run = not (programs() / "node").exists()
    if first_run and shutil.disk_usage(existing).free < DISK:
        return f"less than {DISK // GIB} GiB of disk are free for {home()}; LOCUTION_CLUSTER_HOME names another folder"
    return None


def lacking() -> list[str]:
    """Return the Debian packages that are still to be installed."""
    found = {package for program, package in PACKAGES.items() if shutil.which(program, path=_path()) is None}
    if not (CNI / "ptp").exists():
        found.add("containernetworking-plugins")
    return sorted(found)


def environment() -> dict[str, str]:
    """Return an environment whose PATH has the built programs first, and whose tools keep their caches here."""
    caches = {"KUBECACHEDIR": "kube", "DOCKER_CONFIG": "docker-client", "HELM_CACHE_HOME": "helm"}
    own = {name: str(home() / "cache" / folder) for name, folder in caches.items()}
    return {**os.environ, **own, "PATH": f"{programs()}:{_path()}"}


def _path() -> str:
    return f"/usr/local/sbin:/usr/sbin:/sbin:{os.environ.get('PATH', '')}"


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    text: str | None = None,
) -> str:
    """Run a command and return its output. Raises ClusterError with the end of what it printed."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(env or environment()),
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{' '.join(words[:6])} took longer than {seconds:g} s") from error
    if done.returncode:
        raise ClusterError(
            f"{' '.join(words[:8])}: exit {done.returncode}\n{(done.stdout + done.stderr).strip()[-3000:]}"
        )
    return done.stdout


def fingerprint(paths: Iterable[Path]) -> str:
    """Return a digest of files and the files of folders, with their names."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def say(text: str) -> None:
    """Print a line of progress."""
    sys.stderr.write(f"cluster: {text}\n")
    sys.stderr.flush()
