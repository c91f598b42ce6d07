"""Network policies, enforced by kube-router: only the flows that the chart lists exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster import node
from tests.cluster.node import CONFIGURATION
from tests.cluster.release import NAMESPACE, Release, apply, is_ready, kubectl, objects, pods, wait_for
from tests.support import processes

PORTS: Final = {"api": 50051, "registry": 50051, "asr": 50051, "diarizer": 50051, "postgres": 5432, "s3": 9000}
HEALTH: Final = 50052
COMPONENTS: Final = ("api", "worker", "registry", "asr", "diarizer")
CALLS: Final = {
    "api": {"registry", "asr", "diarizer", "postgres", "s3"},
    "worker": {"asr", "diarizer", "postgres", "s3"},
    "registry": {"postgres"},
    "asr": {"registry"},
    "diarizer": {"registry"},
    "stranger": {"api"},
}
"""Whom each component's pods may call. A stranger is a pod of another namespace."""

PROBE: Final = """
import json, socket, sys
found = {}
for target in sys.argv[1:]:
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        found[target] = True
    except OSError:
        found[target] = False
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def firewall(release: Release) -> Iterator[None]:
    """Enforce the policies while this module runs."""
    command = [
        *("router", "--kubeconfig", str(CONFIGURATION / "router.conf"), "--hostname-override", node.NAME),
        *("--run-router=false", "--run-firewall=true", "--run-service-proxy=false", "--run-loadbalancer=false"),
        *(f"--service-cluster-ip-range={node.SERVICES}", "--health-port=20244"),
    ]
    process = node.start("router", ["env", f"NODE_NAME={node.NAME}", *command])
    try:
        wait_for(lambda: "KUBE-POD-FW" in node.inside("iptables", "--list-rules"), "the firewall's rules")
        yield
    finally:
        processes.kill(process)
        for clean in (("iptables", "--flush"), ("iptables", "--delete-chain"), ("ipset", "destroy")):
            node.inside(*clean)  # its rules would outlive it; kube-proxy has its own tables


@pytest.fixture(scope="module")
def stranger(release: Release) -> Iterator[str]:
    """A pod of another namespace."""
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    image = pods("api")[0]["spec"]["containers"][0]["image"]
    command = ["python", "-c", "import signal; signal.pause()"]
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "namespace": "elsewhere"},
        "spec": {"containers": [{"name": "stranger", "image": image, "command": command}]},
    }
    try:
        apply(pod)
        wait_for(lambda: all(map(is_ready, objects("pods", namespace="elsewhere"))), "the stranger")
        yield "stranger"
    finally:
        kubectl("delete", "namespace", "elsewhere", seconds=120)


@pytest.mark.usefixtures("firewall")
@pytest.mark.parametrize("caller", CALLS)
def test_only_listed_flows_exist(release: Release, stranger: str, caller: str) -> None:
    """Each pod reaches those that it calls, and nobody else"""
    targets = {f"{_address(name)}:{port}": name for name, port in PORTS.items() if name != caller}
    targets |= {f"{_address(name)}:{HEALTH}": f"health of {name}" for name in COMPONENTS if name != caller}
    namespace, pod = (
        ("elsewhere", stranger) if caller == "stranger" else (NAMESPACE, pods(caller)[0]["metadata"]["name"])
    )
    said = kubectl("--namespace", namespace, "exec", pod, "--", "python", "-c", PROBE, *targets, seconds=120)
    reached = {targets[target] for target, answered in json.loads(said).items() if answered}
    assert reached == CALLS[caller]


@pytest.mark.usefixtures("firewall")
def test_work_goes_on_behind_the_firewall(release: Release, sample: Path) -> None:
    """A recording is transcribed while policies are enforced"""
    assert release.job(sample)["segments"]


def _address(name: str) -> str:
    """Return the address of a component's first pod: Services would hide which pod refuses."""
    return str(pods(name)[0]["status"]["podIP"])
