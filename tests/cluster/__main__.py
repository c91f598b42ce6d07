"""Locution on a real Kubernetes node, built here: `python -m tests.cluster COMMAND`.

    up                   build what is missing, start an empty node and load the images
    run [ARGUMENT...]    the same, then the checks (arguments go to pytest), then end the node and write the report
    cures [ARGUMENT...]  try cures of the runbooks, then end the node and write the report docs/cures-report.md
    bench [ARGUMENT...]  measure an upgrade with live audio and files under way (python -m tests.bench.upgrade), then end the node
    shell COMMAND...     run a command in the node, for example `kubectl get pods --all-namespaces`
    down                 end the node

Programs, images and the node's state lie in LOCUTION_CLUSTER_HOME (default: ~/.cache/locution/cluster). Needs Linux on
x86_64, root, Go, apt-get, the package registries and 45 GiB of disk; elsewhere `run` says so and exits with 0, or with 1
if LOCUTION_REQUIRE names cluster. A first run takes about 30 minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.cluster import build, images, node, volumes
from tests.cluster.home import HERE, ROOT, ClusterError, environment, missing, programs, run, say

KEEP: Final = "LOCUTION_CLUSTER_KEEP"
"""Set to leave the node running after the checks."""


def main() -> int:
    """Run a command; return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m tests.cluster", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        return COMMANDS[options.command](options.arguments)
    except ClusterError as error:
        say(str(error))
        return 1


def _up(_: Sequence[str] = ()) -> int:
    if reason := missing():
        raise ClusterError(reason)
    build.packages()
    build.build()
    _link_tools()
    with images.daemon():
        images.build()
        node.up()
    volumes.provide()
    return 0


def _link_tools() -> None:
    """Make the chart's helm and kubectl, and Debian's docker, programs of the node: others may come first on the PATH."""
    for path in [*run([sys.executable, ROOT / "deploy/helm/helm_tools.py"], seconds=600).split(), "/usr/bin/docker"]:
        link = programs() / Path(path).name
        link.unlink(missing_ok=True)
        link.symlink_to(path)


def _run(arguments: Sequence[str]) -> int:
    if reason := missing():
        sys.stderr.write(f"SKIPPED LOUDLY: no Kubernetes: {reason}\n")
        return 1 if "cluster" in os.environ.get("LOCUTION_REQUIRE", "").split(",") else 0
    return _beside_the_node("pytest", "-p", "no:cacheprovider", str(HERE), *arguments)


def _cures(arguments: Sequence[str]) -> int:
    return _beside_the_node("pytest", "-p", "no:cacheprovider", str(HERE / "cures.py"), *arguments)


def _bench(arguments: Sequence[str]) -> int:
    return _beside_the_node("tests.bench.upgrade", *arguments)


def _beside_the_node(module: str, *arguments: str) -> int:
    """Run a module of Python in the node's network, then end the node."""
    try:
        if node.pid() is None:
            _up()
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.call(node.enter(*command, network_only=True), cwd=ROOT, env=environment())
    finally:
        if KEEP not in os.environ:
            node.down()


def _shell(arguments: Sequence[str]) -> int:
    return subprocess.call(node.enter(*arguments), env=node.inner_environment())


def _down(_: Sequence[str]) -> int:
    node.down()
    return 0


COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "up": _up,
    "run": _run,
    "cures": _cures,
    "bench": _bench,
    "shell": _shell,
    "down": _down,
}

if __name__ == "__main__":
    sys.exit(main())
