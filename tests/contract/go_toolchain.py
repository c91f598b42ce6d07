"""Build a Go client from an exported bundle of protos."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.contract.plain_protoc import PLAIN_PROTOC

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).parent / "go_client"
MODULE = "locution.example/client"
PLUGINS = {
    "protoc-gen-go": "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.10",
    "protoc-gen-go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0",
}
SECONDS = 240


def run(command: Sequence[str], folder: Path, **variables: str) -> str:
    """Run a command within its time and return what it printed; its complaint becomes the assertion's message."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{' '.join(command[:4])}...\n{done.stdout}{done.stderr}"
    return done.stdout


def plugins() -> Path:
    """Return the folder of protoc's Go plugins, installing the pinned versions where they are missing."""
    state = Path(os.environ.get("LOCUTION_STATE") or ROOT / ".locution").resolve()
    folder = state / "tools" / ("go-" + "-".join(package.rpartition("@")[2] for package in PLUGINS.values()))
    folder.mkdir(parents=True, exist_ok=True)
    for name, package in PLUGINS.items():
        if not (folder / name).exists():
            run(["go", "install", package], folder, GOBIN=str(folder))
    return folder


def package_options(protos: Sequence[str]) -> list[str]:
    """Map each proto that names no Go package of a module we can fetch to a package below `gen`."""
    options = [f"module={MODULE}"]
    for proto in protos:
        if not proto.startswith("google/"):
            folder = proto.rpartition("/")[0]
            options.append(f"M{proto}={MODULE}/gen/{folder};{''.join(folder.split('/')[-2:])}")
    return options


def generate(bundle: Path, folder: Path) -> None:
    """Generate the stubs of every proto of the bundle that is not google's, with `-I bundle` alone."""
    tools = plugins()
    protos = sorted(str(path.relative_to(bundle)) for path in bundle.rglob("*.proto"))
    wanted = [proto for proto in protos if not proto.startswith("google/")]
    command = [sys.executable, "-c", PLAIN_PROTOC, f"-I{bundle}"]
    for language, name in (("go", "protoc-gen-go"), ("go-grpc", "protoc-gen-go-grpc")):
        command += [f"--plugin={name}={tools / name}", f"--{language}_out={folder}"]
        command += [f"--{language}_opt={option}" for option in package_options(protos)]
    run([*command, *wanted], folder)


def build(bundle: Path, folder: Path) -> Path:
    """Return a client program that was compiled from the bundle."""
    shutil.copytree(CLIENT, folder, dirs_exist_ok=True)
    generate(bundle, folder)
    run(["go", "build", "./..."], folder, GOFLAGS="-mod=readonly -p=2")
    run(["go", "build", "-o", "client", "."], folder, GOFLAGS="-mod=readonly -p=2")
    return folder / "client"
