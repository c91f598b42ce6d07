"""Cures of the runbooks, each tried on what it cures: `python -m tests.cluster cures`.

Not part of the checks of a whole run: most of its time is spent waiting for Kubernetes to see a fault.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from locution.v1 import live_service_pb2 as pb
from locution_client import ApiError, Client, Connection

from tests.cluster import node
from tests.cluster.home import state
from tests.cluster.release import Release, component, is_ready, kubectl, objects, pods, wait_for
from tests.cluster.work import MODEL, sending, transcribing
from tests.e2e.conftest import RATE


@contextmanager
def changed(release: Release, *flags: str, wait: bool = False) -> Iterator[None]:
    """Upgrade to other values, and in the end to those before, which is the cure of what does harm."""
    release.install(*flags, wait=wait)
    try:
        yield
    finally:
        release.install()


@contextmanager
def scaled_to_none(kind: str, name: str) -> Iterator[None]:
    """Take a component's pods away, and in the end give one back."""
    kubectl("scale", kind, f"locution-{name}", "--replicas=0")
    wait_for(lambda: not objects("pods", component(name)), f"the end of {name}")
    try:
        yield
    finally:
        kubectl("scale", kind, f"locution-{name}", "--replicas=1")
        wait_for(lambda: any(map(is_ready, pods(name))), f"{name} to be ready")


def statuses(name: str) -> list[dict[str, Any]]:
    """Return the status of each container of a component's pods."""
    kinds = ("initContainerStatuses", "containerStatuses")
    return [each for pod in pods(name) for kind in kinds for each in pod["status"].get(kind, [])]


def waiting(name: str) -> set[str]:
    """Return why containers of a component wait."""
    return {each["state"].get("waiting", {}).get("reason", "") for each in statuses(name)}


def logs(name: str, *flags: str) -> str:
    """Return the logs of a component as the runbooks read them."""
    return kubectl("logs", "-l", f"app.kubernetes.io/component={name}", "--prefix", "--tail", "500", *flags)


def test_a_setting_that_is_refused(release: Release) -> None:
    """A process is missing, `CrashLoopBackOff`: the log names the setting; correct it"""
    with changed(release, "--set-string", "worker.settings.LOCUTION_WORKER_STAGES=many"):
        wait_for(lambda: "LOCUTION_WORKER_STAGES" in logs("worker"), "the log to name the setting")
        wait_for(lambda: "CrashLoopBackOff" in waiting("worker"), "CrashLoopBackOff")


def test_an_image_that_is_missing(release: Release) -> None:
    """A process is missing, `ImagePullBackOff`: correct the image"""
    with changed(release, "--set", "api.image.repository=locution/absent"):
        wait_for(lambda: waiting("api") & {"ImagePullBackOff", "ErrImagePull"}, "ImagePullBackOff")


def test_a_node_without_room(release: Release) -> None:
    """A process is missing, Pending: the events name the missing CPU; lower the request"""
    with changed(release, "--set", "asr.resources.requests.cpu=100"):
        selector = ("pods", "-l", "app.kubernetes.io/component=asr")
        wait_for(lambda: "Insufficient cpu" in kubectl("describe", *selector), "the event")


def test_too_little_memory(release: Release) -> None:
    """A process is missing, `OOMKilled`: raise the limit"""

    def killed() -> bool:
        found = [each.get(when, {}) for each in statuses("worker") for when in ("state", "lastState")]
        return any(each.get("terminated", {}).get("reason") == "OOMKilled" for each in found)

    small = ("--set", "worker.resources.limits.memory=40Mi", "--set", "worker.resources.requests.memory=40Mi")
    with changed(release, *small):
        wait_for(killed, "OOMKilled")


@pytest.mark.parametrize("name", ["postgres", "s3"])
def test_a_store_that_is_away(release: Release, recording: Path, undisturbed_text: str, name: str) -> None:
    """Postgres or S3 is not reached: the health log names it; once it is restored, work continues within a minute"""
    probe = {"postgres": "postgres", "s3": "objects"}[name]
    with transcribing(release, recording) as text:
        with scaled_to_none("statefulset", name):
            wait_for(lambda: not any(map(is_ready, pods("api"))), "api to be not ready")
            wait_for(lambda: any("health is now" in line and probe in line for line in logs("api").splitlines()), "log")
            if name == "postgres":
                kubectl("delete", "pods", "-l", "app.kubernetes.io/component=registry")
                wait_for(
                    lambda: "postgres" in logs("registry", "-c", "await-schema").lower(), "await-schema to say why"
                )
        wait_for(lambda: any(map(is_ready, pods("api"))), "api to be ready again", seconds=60)
        assert text() == undisturbed_text


def test_a_registry_that_is_away(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Calls fail with `DEPENDENCY_UNAVAILABLE`: bring the service back; the command line waits for it"""
    before = refused("api", "DEPENDENCY_UNAVAILABLE")
    with scaled_to_none("deployment", "registry"), sending(release, recording) as text:
        wait_for(lambda: refused("api", "DEPENDENCY_UNAVAILABLE") > before, "the reason in the metrics")
        assert text.process.poll() is None
        kubectl("scale", "deployment", "locution-registry", "--replicas=1")
        assert text() == undisturbed_text


def metrics(name: str) -> str:
    """Return what a component reports to Prometheus."""
    (pod,) = [pod for pod in pods(name) if is_ready(pod)]
    address = f"http://{pod['status']['podIP']}:9090/metrics"
    return node.inside("python3", "-c", f"import urllib.request as r; print(r.urlopen({address!r}).read().decode())")


def refused(name: str, reason: str) -> float:
    """Return how often a component has reported a reason."""
    lines = [line for line in metrics(name).splitlines() if reason in line and not line.startswith("#")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_a_worker_that_hangs(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Work waits and no worker takes it, workers are silent: restart them; their stages return to the queue"""
    with transcribing(release, recording) as text:
        node.inside("pkill", "-STOP", "-f", "locution_gateway worker")
        kubectl("rollout", "restart", "deployment", "locution-worker")
        kubectl("delete", "pods", "-l", "app.kubernetes.io/component=worker", "--grace-period=1", seconds=120)
        assert text() == undisturbed_text


def test_more_stages_at_once(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Work waits too long: another replica of worker"""
    try:
        with transcribing(release, recording) as text:
            kubectl("scale", "deployment", "locution-worker", "--replicas=2")
            wait_for(lambda: sum(map(is_ready, pods("worker"))) == 2, "a second worker")
            assert text() == undisturbed_text
    finally:
        kubectl("scale", "deployment", "locution-worker", "--replicas=1")
    wait_for(lambda: len(objects("pods", component("worker"))) == 1, "one worker again")


def test_changed_weights(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Stages fail for good with `MODEL_CHECKSUM_MISMATCH`: restore the model's files, then `RetryJob`"""
    (file,) = [path for path in state().glob(f"volumes/*/{MODEL}/model.bin") if path.stat().st_size]
    whole = file.read_bytes()
    try:
        with scaled_to_none("deployment", "worker"), sending(release, recording) as text:
            wait_for(lambda: queued(release), "a job")
            file.write_bytes(hashlib.sha256(whole).digest() * 1000)
            kubectl("delete", "pods", "-l", "app.kubernetes.io/component=asr")
            kubectl("scale", "deployment", "locution-worker", "--replicas=1")
            _, said = text.process.communicate(timeout=300)
        assert "MODEL_CHECKSUM_MISMATCH" in said
        assert "MODEL_CHECKSUM_MISMATCH" in logs("worker")
    finally:
        file.write_bytes(whole)
    assert retried(release) == undisturbed_text


def queued(release: Release) -> list[Any]:
    """Return the jobs that wait."""
    found: list[Any] = json.loads(release.locution("jobs", "list", "--json", "--filter", "state = QUEUED"))
    return found


def test_work_that_waited_too_long(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Stages fail for good with `JOB_EXPIRED`: bring the engine back, then `RetryJob`"""
    with changed(release, "--set-string", "worker.settings.LOCUTION_MAX_JOB_AGE_SECONDS=60", wait=True):
        with scaled_to_none("deployment", "asr"), sending(release, recording) as text:
            _, said = text.process.communicate(timeout=300)
        assert "JOB_EXPIRED" in said
    assert retried(release) == undisturbed_text


def test_a_model_that_was_disabled(release: Release, recording: Path, undisturbed_text: str) -> None:
    """Stages fail for good with `MODEL_NOT_USABLE`: enable the model, then `RetryJob`"""
    with scaled_to_none("deployment", "worker"), sending(release, recording) as text:
        wait_for(lambda: queued(release), "a job")
        release.locution("models", "disable", MODEL, "--reason", "tried")
        kubectl("scale", "deployment", "locution-worker", "--replicas=1")
        _, said = text.process.communicate(timeout=300)
    assert "MODEL_NOT_USABLE" in said
    release.locution("models", "enable", MODEL)
    assert retried(release) == undisturbed_text


def retried(release: Release) -> str:
    """Retry the job that failed last, and return its text."""
    (job, *_) = json.loads(release.locution("jobs", "list", "--json", "--filter", "state = FAILED"))
    again = json.loads(release.locution("jobs", "retry", job["name"], "--json"))
    (found,) = again if isinstance(again, list) else [again]
    return release.locution("jobs", "watch", found["name"], "--format", "txt")


async def test_live_streams_are_limited(release: Release, pcm: bytes) -> None:
    """Live text comes late: lower `LOCUTION_LIVE_STREAMS`, and further streams are refused with the time to wait"""
    with changed(release, "--set-string", "api.settings.LOCUTION_LIVE_STREAMS=1", wait=True):
        wait_for(lambda: len(objects("pods", component("api"))) == 1, "the end of the other api")
        await _two_streams(release, pcm)


async def _two_streams(release: Release, pcm: bytes) -> None:
    config = pb.LiveConfig(
        encoding=pb.LiveConfig.ENCODING_PCM_S16LE, sample_rate_hertz=RATE, language="en", asr_model=MODEL
    )
    async with Client(Connection(release.address, release.key)) as client:
        first = client.live.session(config)
        begun = asyncio.Event()
        task = asyncio.create_task(_first(first.run(_paced(pcm)), begun))
        await asyncio.wait_for(begun.wait(), 60)
        with pytest.raises(ApiError) as caught:
            async for _ in client.live.transcribe(config, _paced(pcm), patience=0.0):
                pass
        assert caught.value.code == "RESOURCE_EXHAUSTED"
        assert caught.value.retry_after
        await task


async def _first(messages: Any, begun: asyncio.Event) -> None:
    async for _ in messages:
        begun.set()


async def _paced(pcm: bytes) -> Any:
    for at in range(0, len(pcm) // 2, RATE // 5):
        await asyncio.sleep(0.1)
        yield pcm[at : at + RATE // 5]
