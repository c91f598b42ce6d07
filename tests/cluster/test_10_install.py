"""The chart is installed, and every pod does what its manifest promises."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.home import ClusterError
from tests.cluster.release import NAMESPACE, Release, component, is_ready, kubectl, objects, pods

COMPONENTS = ("api", "worker", "registry", "asr", "diarizer")


def test_all_pods_are_ready(bare: Release) -> None:
    """`helm install --wait` with the 2-core values makes every pod ready, without a restart"""
    found = {name: pods(name) for name in COMPONENTS}
    assert all(found.values()), found.keys()
    for name, each in found.items():
        assert all(is_ready(pod) for pod in each), name
        restarts = [status["restartCount"] for pod in each for status in pod["status"]["containerStatuses"]]
        assert sum(restarts) == 0, name


def test_restricted_pods_are_enforced(bare: Release) -> None:
    """The namespace enforces the restricted pod security standard, which refuses another pod"""
    privileged = _pod("privileged", securityContext={"privileged": True})
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        kubectl("create", "--filename", "-", text=json.dumps(privileged))


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_root_is_read_only(bare: Release, name: str) -> None:
    """Containers run as the numeric user of the values, and cannot write outside of their scratch"""
    (pod,) = pods(name)[:1]
    said = kubectl(
        "exec",
        pod["metadata"]["name"],
        "--container",
        name,
        "--",
        "sh",
        "-c",
        "id -u; touch /x 2>&1; touch /tmp/x && echo ok",
    ).splitlines()
    assert said[0] == "10001"
    assert "Read-only file system" in said[1]
    assert said[2] == "ok"


def test_no_pod_has_a_token(bare: Release) -> None:
    """No container holds a token of the Kubernetes API"""
    for pod in objects("pods", "app.kubernetes.io/name=locution"):
        mounts = [mount["mountPath"] for each in pod["spec"]["containers"] for mount in each["volumeMounts"]]
        assert not [path for path in mounts if "serviceaccount" in path]


def _pod(name: str, **container: Any) -> dict[str, Any]:
    (image,) = {each["spec"]["containers"][0]["image"] for each in objects("pods", component("api"))}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"containers": [{"name": name, "image": image, **container}]},
    }
