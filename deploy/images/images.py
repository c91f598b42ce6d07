"""Build the container images: `make images`, or `python deploy/images/images.py --help`.

It needs docker with BuildKit, or buildah, and only the standard library.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = "services/Dockerfile"
SERVICES: Final = ("gateway", "registry", "asr", "diarizer")
ENGINES: Final = ("asr", "diarizer")
# The date of every file of an image, and with buildah of the image: 1980-01-01, the earliest that a zip file can hold.
EPOCH: Final = 315532800


class ImagesError(Exception):
    """The images cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to build, and how to name it."""

    services: tuple[str, ...]
    tag: str
    registry: str = ""
    accelerator: str = "cpu"
    python_image: str = ""
    network: str = ""
    source: str = "unknown"

    def name(self, service: str) -> str:
        """Return the image's name. Engines for GPUs have names of their own, because all images share a tag."""
        prefix = f"{self.registry}/" if self.registry else ""
        suffix = "-cuda" if self.accelerator_of(service) == "cuda" else ""
        return f"{prefix}locution/{service}{suffix}:{self.tag}"

    def accelerator_of(self, service: str) -> str:
        """Return what a service's image is for. Only engines use GPUs."""
        return self.accelerator if service in ENGINES else "cpu"


@dataclass(frozen=True, slots=True)
class Source:
    """What code is built, for the labels."""

    version: str
    revision: str = "unknown"
    committed: int = EPOCH


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line asks for."""
    wanted, engine, shown = parse(arguments)
    try:
        program = engine_program(engine)
        source = read_source()
        for service in wanted.services:
            command = build_command(program, wanted, service, source)
            if shown:
                print(shlex.join(command))
            else:
                print(f"{wanted.name(service)}: {timed_build(command):.0f} s", flush=True)
    except ImagesError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> tuple[Wanted, str, bool]:
    """Return what is wanted, the engine's name if one was chosen, and whether to show the commands only."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"one of {', '.join(SERVICES)}; all by default")
    parser.add_argument("--registry", default="", help="registry before the name, such as registry.example.com/speech")
    parser.add_argument("--tag", default=version(), help="tag (%(default)s)")
    parser.add_argument(
        "--accelerator", choices=["cpu", "cuda"], default="cpu", help="what engines run on (%(default)s)"
    )
    parser.add_argument("--python-image", default="", help="Python base image; give a digest: name@sha256:...")
    parser.add_argument("--network", default="", help="network of the build, such as host")
    parser.add_argument("--source", default="unknown", help="address of the source code, for the label")
    parser.add_argument("--engine", choices=["docker", "buildah"], help="what builds (docker if it is installed)")
    parser.add_argument("--show", action="store_true", help="print the commands only")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.services) - set(SERVICES)):
        parser.error(f"{', '.join(unknown)}: not a service. Services: {', '.join(SERVICES)}.")
    services = tuple(service for service in SERVICES if service in (given.services or SERVICES))
    named = {
        name: getattr(given, name) for name in ("tag", "registry", "accelerator", "python_image", "network", "source")
    }
    return Wanted(services, **named), given.engine or "", given.show


def version() -> str:
    """Return the version of the services."""
    project = tomllib.loads((ROOT / "services/gateway/pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def engine_program(chosen: str) -> str:
    """Return the path of docker or buildah. Raises ImagesError."""
    for name in [chosen] if chosen else ["docker", "buildah"]:
        if (found := shutil.which(name)) is not None:
            return found
    missing = f"{chosen} is not installed" if chosen else "Neither docker nor buildah is installed"
    raise ImagesError(f"{missing}. Images need docker with BuildKit, or buildah.")


def read_source() -> Source:
    """Return the version and the commit that is checked out; outside of a git checkout, the version alone."""
    try:
        revision, committed = git("show", "--no-patch", "--format=%H %ct", "HEAD").split()
    except ImagesError:
        return Source(version())
    changed = "-dirty" if git("status", "--porcelain") else ""
    return Source(version(), revision + changed, int(committed))


def git(*arguments: str) -> str:
    """Run git in the repository and return its output. Raises ImagesError."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise ImagesError(f"git {arguments[0]} failed") from error
    return done.stdout.strip()


def build_command(program: str, wanted: Wanted, service: str, source: Source) -> list[str]:
    """Return the command that builds a service's image."""
    values = {
        "SERVICE": service,
        "ACCELERATOR": wanted.accelerator_of(service),
        "PYTHON_IMAGE": wanted.python_image,
        "VERSION": source.version,
        "REVISION": source.revision,
        "SOURCE": wanted.source,
        "CREATED": datetime.fromtimestamp(source.committed, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    given = [part for name, value in values.items() if value for part in ("--build-arg", f"{name}={value}")]
    network = ["--network", wanted.network] if wanted.network else []
    named = ["--tag", wanted.name(service), "--file", DOCKERFILE]
    return [*engine_command(program), *named, *network, *given, "."]


def engine_command(program: str) -> list[str]:
    """Return the start of the engine's build command, with the date that makes builds reproducible."""
    if Path(program).name == "buildah":
        return [program, "build", "--layers", "--timestamp", str(EPOCH)]
    return [program, "build", "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]


def timed_build(command: list[str]) -> float:
    """Run a build and return its seconds. Raises ImagesError."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "DOCKER_BUILDKIT": "1"}, check=False)
    if done.returncode != 0:
        raise ImagesError(f"The build failed: {shlex.join(command)}")
    return time.monotonic() - begun


if __name__ == "__main__":
    raise SystemExit(main())
