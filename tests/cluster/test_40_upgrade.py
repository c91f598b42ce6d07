"""Upgrades and rollbacks while work is under way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cluster import node
from tests.cluster.release import Release, component, helm, kubectl, objects, pods, wait_for
from tests.cluster.work import transcribing
from tests.e2e.test_live import Told, assert_nothing_lost, talk


@pytest.mark.parametrize("way", ["upgrade", "rollback"])
async def test_work_outlives_an_upgrade(
    release: Release,
    recording: Path,
    undisturbed_text: str,
    pcm: bytes,
    undisturbed: Told,
    way: str,
) -> None:
    """`helm upgrade` and `helm rollback` replace every pod; a job and a live session under way lose nothing"""
    before = {pod["metadata"]["uid"] for pod in objects("pods", "app.kubernetes.io/name=locution")}

    def change() -> None:
        if way == "upgrade":
            release.replace_pods(2)
        else:
            helm("rollback", release.name, "--wait", "--timeout", "900s")

    async def strike(_: object) -> None:
        await asyncio.to_thread(change)

    with transcribing(release, recording) as text:
        told = await talk(release.installation(), pcm, speed=0.5, strike=strike)
        assert_nothing_lost(told, undisturbed)
        assert await asyncio.to_thread(text) == undisturbed_text
    for name in ("api", "worker", "asr", "diarizer"):
        assert not before & {pod["metadata"]["uid"] for pod in pods(name)}, name


def test_a_rotated_service_token_is_taken_over(release: Release, recording: Path, undisturbed_text: str) -> None:
    """A new token between the services, then a restart of all pods: work goes on"""
    patch = '{"stringData": {"service-token": "another-token-of-many-characters"}}'
    kubectl("patch", "secret", "locution-evaluation", "--patch", patch)
    kubectl("rollout", "restart", "deployment", "--selector", "app.kubernetes.io/name=locution")
    for deployment in objects("deployments", "app.kubernetes.io/name=locution"):
        kubectl("rollout", "status", f"deployment/{deployment['metadata']['name']}", "--timeout=600s", seconds=620)
    with transcribing(release, recording) as text:
        assert text() == undisturbed_text


def test_no_budget_holds_an_only_pod(release: Release) -> None:
    """A drain can evict every pod: a component of one pod has no disruption budget"""
    assert {len(pods(name)) for name in ("api", "worker", "registry", "asr", "diarizer")} == {1}
    assert objects("poddisruptionbudgets") == []


def test_a_drained_node_parks_the_work(release: Release, recording: Path, undisturbed_text: str) -> None:
    """`kubectl drain` of the only node parks a job; after `kubectl uncordon` it ends with the same text"""
    with transcribing(release, recording) as text:
        flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s")
        try:
            kubectl("drain", node.NAME, *flags, seconds=320)
            assert not [pod for name in ("worker", "asr") for pod in pods(name) if pod["status"]["phase"] == "Running"]
        finally:
            kubectl("uncordon", node.NAME)
        wait_for(lambda: all(pods(name) for name in ("api", "worker", "asr")), "pods after the drain")
        assert text() == undisturbed_text


def test_selectors_find_their_pods(release: Release) -> None:
    """Every Service has the pods of its component, and no other"""
    for name in ("api", "worker", "registry", "asr", "diarizer"):
        slices = objects("endpointslices", f"kubernetes.io/service-name=locution-{name}")
        names = {endpoint["targetRef"]["name"] for each in slices for endpoint in each.get("endpoints") or []}
        assert names == {pod["metadata"]["name"] for pod in objects("pods", component(name))} != set(), name
