"""The autoscaler follows what waits, with a metrics server that reads the pods in place of Prometheus and its adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster import node
from tests.cluster.node import ADDRESS, CONFIGURATION
from tests.cluster.release import Release, apply, kubectl, objects, pods, wait_for
from tests.cluster.work import Sending, sending, transcribing
from tests.support import processes

PORT: Final = 6444
GROUP: Final = "external.metrics.k8s.io"
JOBS: Final = 4


def _flags(component: str, **values: object) -> list[str]:
    chosen = {"enabled": True, "targetCPUPercent": None, "scaleDownSeconds": 15, "maxReplicas": 2, **values}
    return ["--set-json", f"{component}.autoscaling={json.dumps(chosen)}"]


@pytest.fixture(scope="module")
def metrics(release: Release) -> Iterator[None]:
    """External metrics of the release's pods, served to Kubernetes."""
    configuration = str(CONFIGURATION / "metrics.conf")
    kinds = ("lister", "authentication", "authorization")
    command = ["metrics", *(f"--{kind}-kubeconfig={configuration}" for kind in kinds), f"--secure-port={PORT}"]
    process = node.start("metrics", [*command, f"--cert-dir={CONFIGURATION}/metrics"])
    apply(*_service())
    try:
        wait_for(lambda: "external" in kubectl("get", "--raw", f"/apis/{GROUP}/v1beta1"), "external metrics")
        yield
    finally:
        kubectl("delete", "apiservice", f"v1beta1.{GROUP}")
        kubectl("--namespace", "kube-system", "delete", "service", "metrics")
        processes.kill(process)
        release.install()


def _service() -> list[dict[str, Any]]:
    place = {"name": "metrics", "namespace": "kube-system"}
    port = {"port": 443, "targetPort": PORT, "protocol": "TCP"}
    subset = {"addresses": [{"ip": ADDRESS}], "ports": [{"port": PORT, "protocol": "TCP"}]}
    registration = {
        "group": GROUP,
        "version": "v1beta1",
        "service": {"name": "metrics", "namespace": "kube-system", "port": 443},
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": place, "spec": {"ports": [port]}},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": place, "subsets": [subset]},
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"v1beta1.{GROUP}"},
            "spec": registration,
        },
    ]


@contextmanager
def working(release: Release, file: Path) -> Iterator[list[Sending]]:
    """Send the recording several times at once, and give what waits for each text."""
    with ExitStack() as stack:
        yield [stack.enter_context(sending(release, file)) for _ in range(JOBS)]


@pytest.mark.usefixtures("metrics")
def test_workers_follow_the_queue(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Workers are added while seconds of audio wait, and go one by one when none do; every job ends"""
    one_at_a_time = ["--set-string", "worker.settings.LOCUTION_WORKER_STAGES=1"]
    release.install(*one_at_a_time, *_flags("worker", minReplicas=1, queue={"audioSeconds": 60, "oldestSeconds": 0}))
    with working(release, recording) as texts:
        wait_for(lambda: len(pods("worker")) == 2, "a second worker")
        assert {text() for text in texts} == {undisturbed_text}
    wait_for(lambda: len(pods("worker")) == 1, "one worker again")


@pytest.mark.usefixtures("metrics")
def test_an_engine_scales_to_zero_and_back(release: Release, recording: Path, undisturbed_text: str) -> None:
    """asr goes while nothing waits, and is there again for a job, which waits for it without using attempts"""
    release.install(*_flags("asr", minReplicas=0, queue={"audioSeconds": 600, "oldestSeconds": 0}, streams=0))
    wait_for(lambda: not pods("asr"), "no asr")
    with transcribing(release, recording) as text:
        wait_for(lambda: pods("asr"), "asr for the job")
        assert text() == undisturbed_text
    (scaler,) = [each for each in objects("horizontalpodautoscalers") if each["metadata"]["name"] == "locution-asr"]
    assert scaler["spec"]["minReplicas"] == 0
