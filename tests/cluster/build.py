"""Build the cluster's programs with Go; each is kept until its sources change."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.cluster.home import HERE, ClusterError, environment, fingerprint, home, lacking, programs, run, say

_REQUIRED: Final = re.compile(r"^\tk8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)$", re.MULTILINE)


def kubernetes() -> tuple[str, str, str]:
    """Return the version of Kubernetes that the node is built from, and its first two numbers."""
    found = _REQUIRED.search((HERE / "go/node/go.mod").read_text())
    if found is None:
        raise ClusterError("go/node/go.mod requires no Kubernetes")
    return found[1], found[2], found[3]


def _variables() -> dict[str, str]:
    """Return what a build of Kubernetes writes into itself, by which its parts know each other's versions."""
    version, major, minor = kubernetes()
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in facts.items()}


@dataclass(frozen=True, slots=True)
class Program:
    """A Go program: its package, the seconds that a build from nothing takes on two cores, variables and links."""

    package: str
    seconds: int
    variables: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


PARTS: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "fake-gpu",
)
PROGRAMS: Final = {
    "pause": Program(".", 5),
    "s3": Program(".", 20),
    "coredns": Program(".", 95),
    "node": Program(".", 430, _variables(), PARTS),
    "router": Program("github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", 170),
    "metrics": Program(".", 120),
    "kwok": Program("sigs.k8s.io/kwok/cmd/kwok", 150),
}


def packages() -> None:
    """Install Debian's packages that are missing."""
    if wanted := lacking():
        say(f"installing {', '.join(wanted)}")
        quiet = {**environment(), "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "--quiet"], seconds=300, env=quiet)
        run(["apt-get", "install", "--yes", "--no-install-recommends", *wanted], seconds=900, env=quiet)
        if still := lacking():
            raise ClusterError(f"apt-get did not install {', '.join(still)}")


def build() -> None:
    """Build what is missing or out of date."""
    programs().mkdir(parents=True, exist_ok=True)
    for name, program in PROGRAMS.items():
        stamp = home() / "stamps" / name
        wanted = f"{fingerprint([HERE / 'go' / name])} {program}"
        if not (programs() / name).exists() or not stamp.exists() or stamp.read_text() != wanted:
            _build(name, program)
            stamp.parent.mkdir(exist_ok=True)
            stamp.write_text(wanted)


def _build(name: str, program: Program) -> None:
    say(f"building {name}, up to {program.seconds} s on two cores")
    started = time.monotonic()
    flags = " ".join(["-s", "-w", *(f"-X {variable}={value}" for variable, value in program.variables.items())])
    given = {
        **environment(),
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false -p=2",
        "GOTOOLCHAIN": "local",
    }
    output = programs() / f".{name}"
    run(
        ["go", "build", "-trimpath", "-ldflags", flags, "-o", output, program.package],
        seconds=3600,
        cwd=HERE / "go" / name,
        env=given,
    )
    output.rename(programs() / name)
    for link in program.links:
        (programs() / link).unlink(missing_ok=True)
        (programs() / link).symlink_to(name)
    say(f"built {name} in {time.monotonic() - started:.0f} s")
