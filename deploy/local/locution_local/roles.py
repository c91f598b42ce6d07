"""The processes of the stack: what each runs, with which settings, and the order of start and stop."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from locution_local.environments import VARIABLE as ENVIRONMENTS
from locution_local.environments import interpreter
from locution_local.ports import HOST, METRICS, WEED, WEED_GRPC
from locution_local.postgres import Postgres
from locution_local.probes import BucketExists, GrpcHealth, PostgresAnswers, Probe
from locution_local.processes import SystemUser

BUCKET = "locution"

SHUTDOWN_GRACE = "5"
"""Seconds that a service lets calls finish, and then its work. Twice this is well below a role's stop_seconds."""

STORES, REGISTRY, SERVICES = 0, 1, 2
"""Waves: each starts when the previous one is healthy, and stops after the later ones have stopped."""

OURS = (
    "LOCUTION_STATE",
    "LOCUTION_PORT",
    "LOCUTION_ASR_REPLICAS",
    "LOCUTION_ADDRESS",
    "LOCUTION_API_KEY",
    ENVIRONMENTS,
)
"""Settings of this program and of the command line, which the services do not accept."""


@dataclass(frozen=True, slots=True)
class Role:
    """Describe one process."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str]
    folder: Path
    port: int
    probe: Probe
    wave: int = SERVICES
    user: SystemUser | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    litter: tuple[Path, ...] = field(default=())
    """Files to delete when it is killed."""

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"{HOST}:{self.port}"

    @property
    def digest(self) -> str:
        """Return a digest of everything whose change requires a restart."""
        described = json.dumps([self.command, dict(self.settings)], sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()[:16]

    def environment(self) -> dict[str, str]:
        """Return the process's environment: the current one, overridden by the role's settings."""
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        return {**kept, "PYTHONUNBUFFERED": "1", **self.settings}


@dataclass(frozen=True, slots=True)
class Wiring:
    """Addresses and settings that the processes need of each other."""

    folder: Path
    checkout: Path
    scratch: Path
    models: Path
    trace: Path
    ports: Mapping[str, int]
    service_token: Path
    s3_access_key: Path
    s3_secret_key: Path
    s3_filer_key: Path
    development_key: str
    session_key: Path
    asr: Sequence[str]

    def address(self, name: str) -> str:
        """Return the address of a process."""
        return f"{HOST}:{self.ports[name]}"

    def found_at(self, name: str) -> str:
        """Return where its callers find a process: by a name, as in a cluster."""
        return f"localhost:{self.ports[name]}"

    def service(self, name: str) -> dict[str, str]:
        """Return the settings that all services share."""
        return {
            "LOCUTION_ENVIRONMENT": "local",
            "LOCUTION_LISTEN": self.address(name),
            "LOCUTION_METRICS_LISTEN": f"{HOST}:{self.ports[name] + METRICS}",
            "LOCUTION_SERVICE_TOKEN_FILE": str(self.service_token),
            "LOCUTION_TRACE_FILE": str(self.trace),
            "LOCUTION_REFLECTION": "true",
            "LOCUTION_SHUTDOWN_GRACE": SHUTDOWN_GRACE,
        }

    def engines(self) -> dict[str, str]:
        """Return the settings that both engines share."""
        return {"LOCUTION_MODELS_ROOT": str(self.models), "LOCUTION_REGISTRY_ADDRESS": self.found_at("registry")}

    def objects(self) -> dict[str, str]:
        """Return the settings of the object store."""
        return {
            "LOCUTION_S3_ENDPOINT": self.address("s3"),
            "LOCUTION_S3_ACCESS_KEY_FILE": str(self.s3_access_key),
            "LOCUTION_S3_SECRET_KEY_FILE": str(self.s3_secret_key),
            "LOCUTION_S3_BUCKET": BUCKET,
            "LOCUTION_S3_REGION": "us-east-1",
            "LOCUTION_S3_SECURE": "false",
        }


def database(postgres: Postgres, login: str) -> dict[str, str]:
    """Return the settings of the database for a service's own login."""
    return {"LOCUTION_DATABASE_URL": postgres.url(login)}


def all_roles(wiring: Wiring, postgres: Postgres) -> list[Role]:
    """Return all processes in the order of their start."""
    return [
        _postgres(postgres),
        _s3(wiring),
        registry(wiring, postgres),
        *(_engine(name, "locution_asr", wiring) for name in wiring.asr),
        _engine("diarizer", "locution_diarizer", wiring),
        gateway("gateway", "api", wiring, postgres),
        gateway("worker", "worker", wiring, postgres),
    ]


def registry(wiring: Wiring, postgres: Postgres) -> Role:
    """Describe the registry."""
    settings = {"LOCUTION_MODELS_ROOT": str(wiring.models), **database(postgres, "locution_registry")}
    return _service("registry", ("locution_registry", "serve"), settings, wiring, wave=REGISTRY)


def gateway(name: str, process: str, wiring: Wiring, postgres: Postgres) -> Role:
    """Describe a process of the gateway."""
    settings = {
        **database(postgres, f"locution_{process}"),
        **wiring.objects(),
        "LOCUTION_REGISTRY_ADDRESS": wiring.found_at("registry"),
        "LOCUTION_ASR_ADDRESS": ",".join(wiring.found_at(engine) for engine in wiring.asr),
        "LOCUTION_DIARIZER_ADDRESS": wiring.found_at("diarizer"),
        "LOCUTION_DEVELOPMENT_KEY": wiring.development_key,
        "LOCUTION_SESSION_KEY_FILE": str(wiring.session_key),
        "LOCUTION_SCRATCH": str(wiring.scratch),
    }
    return _service(name, ("locution_gateway", process), settings, wiring)


def _engine(name: str, package: str, wiring: Wiring) -> Role:
    return _service(name, (package,), wiring.engines(), wiring)


def _service(
    name: str, module: tuple[str, ...], settings: Mapping[str, str], wiring: Wiring, wave: int = SERVICES
) -> Role:
    return Role(
        name=name,
        command=(interpreter(module[0].removeprefix("locution_")), "-m", *module),
        settings={**wiring.service(name), **settings},
        folder=wiring.checkout,
        port=wiring.ports[name],
        probe=GrpcHealth(wiring.address(name)),
        wave=wave,
    )


def _postgres(postgres: Postgres) -> Role:
    return Role(
        name="postgres",
        command=postgres.command,
        settings={"LC_ALL": "C"},
        folder=Path("/"),
        port=postgres.port,
        probe=PostgresAnswers(postgres),
        wave=STORES,
        user=postgres.user,
        stop_signal=signal.SIGINT,  # fast shutdown: it ends sessions, writes a checkpoint and needs no recovery
    )


def _s3(wiring: Wiring) -> Role:
    keys = (wiring.s3_access_key, wiring.s3_secret_key, wiring.s3_filer_key)
    access, secret, filer = (path.read_text(encoding="utf-8") for path in keys)
    return Role(
        name="s3",
        command=_weed(wiring),
        settings={
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            # Its filer holds the same files: without these it gives them to anybody over HTTP.
            "WEED_JWT_FILER_SIGNING_KEY": filer,
            "WEED_JWT_FILER_SIGNING_READ_KEY": filer,
        },
        folder=wiring.folder / "s3",
        port=wiring.ports["s3"],
        probe=BucketExists(wiring.address("s3"), access, secret, BUCKET),
        wave=STORES,
        stop_seconds=2.0,  # it closes its listener at once and then dawdles for half a minute
        litter=_weed_sockets(wiring.ports),
    )


def _weed(wiring: Wiring) -> tuple[str, ...]:
    options = {
        "dir": str(wiring.folder / "s3"),
        "ip": HOST,
        "ip.bind": HOST,
        "bucket": BUCKET,
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "master.telemetry": "false",
        "webdav": "false",
        "admin.ui": "false",
    }
    for name in WEED:
        part = name.removeprefix("s3-")
        options[f"{part}.port"] = str(wiring.ports[name])
        options[f"{part}.port.grpc"] = str(wiring.ports[name] + WEED_GRPC)
    program = Path(sys.executable).with_name("weed")
    return (str(program), "mini", *(f"-{name}={value}" for name, value in options.items()))


def _weed_sockets(ports: Mapping[str, int]) -> tuple[Path, ...]:
    plain = [f"seaweedfs-{name.removeprefix('s3-')}-{ports[name]}.sock" for name in WEED]
    rpc = [f"seaweedfs-{name.removeprefix('s3-')}-grpc-{ports[name] + WEED_GRPC}.sock" for name in WEED]
    # The server itself chooses this folder.
    return tuple(Path("/tmp") / name for name in (*plain, *rpc))
