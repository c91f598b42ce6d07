"""Build the cluster's programs with Go; each is kept until its sources change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.cluster.home import HERE, ClusterError, environment, fingerprint, home, lacking, programs, run, say

KUBERNETES: Final = "v1.34.4"
_VERSION: Final = {
    "k8s.io/component-base/version.gitVersion": KUBERNETES,
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "34",
    "k8s.io/component-base/version.gitTreeState": "clean",
    "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
    "k8s.io/client-go/pkg/version.gitMajor": "1",
    "k8s.io/client-go/pkg/version.gitMinor": "34",
}


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
    "node": Program(".", 430, _VERSION, PARTS),
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
        wanted = fingerprint([HERE / "go" / name])
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
