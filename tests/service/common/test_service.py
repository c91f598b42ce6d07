"""A service as a process: start, signals, the shutdown order, crashes, traces, secrets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from locution_common.channels import open_channel
from locution_common.following import FollowingChannel
from locution_common.health import BACKGROUND
from locution_common.interceptors import remote_failure

from tests.service.common.conftest import TOKEN, Stack, serve_echo
from tests.service.common.echo import NAME, Client, Request
from tests.support import canaries, processes

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Process:
    """An echo process and its log."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = processes.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._log = folder / f"{self.port}.log"
        ours = {"LISTEN": self.address, "SERVICE_TOKEN": TOKEN, "HEALTH_INTERVAL": "0.05", **settings}
        env = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUTION_", "OTEL_"))}
        env |= {f"LOCUTION_{name}" if name.isupper() else name.upper(): value for name, value in ours.items()}
        command = [sys.executable, "-m", "tests.service.common.echo_process"]
        if "TRACE_FILE" in ours:
            canaries.kept(Path(ours["TRACE_FILE"]))
        self.process = processes.spawn(command, log=self._log, env=env)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def text(self) -> str:
        return self._log.read_text()

    def messages(self) -> list[str]:
        return [record["message"] for record in self.log()]

    async def healthy(self) -> None:
        async with asyncio.timeout(30):
            while "health is now SERVING" not in self.messages():
                assert self.process.poll() is None, self.text()
                await asyncio.sleep(0.02)

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, 60)


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Any]:
    started: list[Process] = []

    def make(**settings: str) -> Process:
        started.append(Process(tmp_path, **settings))
        return started[-1]

    yield make
    for process in started:
        processes.kill(process.process)


@asynccontextmanager
async def health_of(address: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_runs_the_shutdown_in_its_order(spawn: Any, tmp_path: Path, number: signal.Signals) -> None:
    traces = tmp_path / "traces.jsonl"
    process = spawn(TRACE_FILE=str(traces))
    await process.healthy()
    process.process.send_signal(number)
    assert await process.ended() == 0, process.text()
    order = ["serving", "received a signal to stop", "shutting down", "the worker finished", "the stack closes"]
    assert [message for message in process.messages() if message in order] == order
    assert [json.loads(line)["name"] for line in traces.read_text().splitlines()] == ["last work"]


async def test_calls_in_progress_finish_and_new_ones_see_not_serving(spawn: Any) -> None:
    process = spawn(SHUTDOWN_DELAY="1", SHUTDOWN_GRACE="10")
    await process.healthy()
    async with open_channel(process.address, token=TOKEN) as channel, health_of(process.address) as health:
        stream: Any = Client(channel).bidi_stream()
        await stream.write(Request(text="before"))
        assert (await stream.read()).text == "before"
        process.process.send_signal(signal.SIGTERM)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=NAME))
        async with asyncio.timeout(30):
            while (await watch.read()).status != NOT_SERVING:
                pass
        assert (await Client(channel).unary(Request(text="still served"))).text == "still served"
        async with asyncio.timeout(30):
            while not await _refuses(channel):
                await asyncio.sleep(0.02)
        await stream.write(Request(text="during the grace"))
        assert (await stream.read()).text == "during the grace"
        assert "the stack closes" not in process.messages()
        await stream.done_writing()
        watch.cancel()
    assert await process.ended() == 0, process.text()


async def _refuses(channel: grpc.aio.Channel) -> bool:
    try:
        await Client(channel).unary(Request(text="x"), timeout=5)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


@pytest.mark.parametrize("mode", ["crash", "end"])
async def test_a_background_task_that_ends_is_restarted_and_reported(spawn: Any, mode: str) -> None:
    process = spawn(MODE=mode, SHUTDOWN_DELAY="0")
    await process.healthy()
    async with health_of(process.address) as health, asyncio.timeout(30):
        while sum("will be restarted" in message for message in process.messages()) < 3:
            await asyncio.sleep(0.05)
        assert (await health.Check(health_pb2.HealthCheckRequest(service=BACKGROUND))).status == NOT_SERVING
        assert (await health.Check(health_pb2.HealthCheckRequest(service=NAME))).status == SERVING
    failed = [record for record in process.log() if "will be restarted" in record["message"]]
    assert [record["failures"] for record in failed[:3]] == [1, 2, 3]
    assert {record["task"] for record in failed} == {"worker"}
    assert ("the worker broke" in json.dumps(failed)) is (mode == "crash")
    process.process.send_signal(signal.SIGTERM)
    assert await process.ended() == 0, process.text()


async def test_a_taken_port_ends_the_process_with_a_log(spawn: Any) -> None:
    first = spawn()
    await first.healthy()
    second = spawn(LISTEN=first.address)
    assert await second.ended() == 1
    assert "the service could not start or shut down" in second.messages()


async def test_no_secret_reaches_a_log(spawn: Any) -> None:
    process = spawn(MODE="log-secrets", SERVICE_TOKEN='canary "quoted" \\ secret')
    await process.healthy()
    process.process.send_signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert "canary" not in process.text()
    assert "token=[redacted]" in process.text()


async def test_one_trace_crosses_two_services_in_unary_calls_and_streams(spawn: Any, tmp_path: Path) -> None:
    traces = tmp_path / "traces.jsonl"
    back = spawn(TRACE_FILE=str(traces), name="back")
    front = spawn(TRACE_FILE=str(traces), name="front", DOWNSTREAM=back.address)
    await asyncio.gather(back.healthy(), front.healthy())
    async with open_channel(front.address, token=TOKEN) as channel:
        client = Client(channel)
        await client.unary(Request(text="hello"))
        stream: Any = client.bidi_stream()
        for _ in range(3):
            await stream.write(Request(text="x"))
            await stream.read()
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    for process in (front, back):
        process.process.send_signal(signal.SIGTERM)
        assert await process.ended() == 0
    spans = [json.loads(line) for line in traces.read_text().splitlines()]
    for method in ("Unary", "BidiStream"):
        chain = _chain([span for span in spans if span["name"] == f"{NAME}/{method}"])
        assert [(span["service"], span["kind"]) for span in chain] == [
            ("front", "SERVER"),
            ("front", "CLIENT"),
            ("back", "SERVER"),
        ]
        assert len({span["trace_id"] for span in chain}) == 1
        assert all(span["start"] < span["end"] for span in chain)
        assert [span["attributes"]["rpc.grpc.status_code"] for span in chain] == ["OK"] * 3
    request_ids = [record["request_id"] for record in front.log() + back.log() if record["message"] == "call ended"]
    assert len(request_ids) == 4
    assert len(set(request_ids)) == 2


def _chain(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order spans from the root to the leaf, each the parent of the next."""
    by_parent = {span["parent_id"]: span for span in spans}
    known = {span["span_id"] for span in spans}
    found = [span for span in spans if span["parent_id"] not in known]
    while (child := by_parent.get(found[-1]["span_id"])) is not None:
        found.append(child)
    return found


async def test_health_follows_the_probes() -> None:
    passes = False

    async def probe() -> bool:
        return passes

    async with (
        serve_echo(service={"probes": {"thing": probe}}, health_interval=0.02) as stack,
        health_of(stack.running.address) as health,
        asyncio.timeout(30),
    ):
        watch = health.Watch(health_pb2.HealthCheckRequest(service=NAME))
        assert (await watch.read()).status == NOT_SERVING
        passes = True
        assert (await watch.read()).status == SERVING
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == SERVING
        passes = False
        assert (await watch.read()).status == NOT_SERVING
        assert stack.running.context.health.faults == {"thing": "failed"}
        watch.cancel()


async def test_a_health_watch_does_not_hold_up_the_shutdown() -> None:
    async with asyncio.timeout(30), AsyncExitStack() as cleanup:
        async with serve_echo(shutdown_grace=300) as stack:
            health = await cleanup.enter_async_context(health_of(stack.running.address))
            watch = health.Watch(health_pb2.HealthCheckRequest())
            await watch.read()
        while (answer := await watch.read()) is not grpc.aio.EOF:
            seen = answer.status
    assert seen == NOT_SERVING


async def test_health_watches_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locution_common.health.MOST_WATCHES", 2)
    async with serve_echo() as stack, health_of(stack.running.address) as health, asyncio.timeout(30):
        watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
        for watch in watches:
            await watch.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health.Watch(health_pb2.HealthCheckRequest()).read()
        assert remote_failure(refused.value).reason == "OVERLOADED"
        watches[0].cancel()
        while not await _watches(health):
            await asyncio.sleep(0.01)
        watches[1].cancel()


async def _watches(health: Any) -> bool:
    watch = health.Watch(health_pb2.HealthCheckRequest())
    try:
        return await watch.read() is not grpc.aio.EOF
    except grpc.aio.AioRpcError:
        return False
    finally:
        watch.cancel()


async def test_a_probe_that_hangs_or_raises_fails() -> None:
    async def raises() -> None:
        raise OSError("no route")

    async with serve_echo(service={"probes": {"raises": raises}}) as stack:
        assert not await stack.running.context.health.check()
        assert stack.running.context.health.faults == {"raises": "OSError: no route"}


async def test_metrics_are_served(tmp_path: Path) -> None:
    async with serve_echo(metrics_listen="127.0.0.1:0") as stack:
        await stack.client.unary(Request(text="x"))
        url = f"http://127.0.0.1:{stack.running.metrics_port}/metrics"
        text = (await asyncio.to_thread(_fetch, url)).decode()
    assert f'locution_rpc_server_handled_total{{code="OK",method="/{NAME}/Unary"}} 1.0' in text
    assert "process_resident_memory_bytes" in text


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


async def _reflected(stack: Stack) -> list[str]:
    async with grpc.aio.insecure_channel(stack.running.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(cast("Any", channel))
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = [answer async for answer in stub.ServerReflectionInfo(iter([asked]))]
    return [service.name for service in answers[0].list_services_response.service]


async def test_reflection_is_a_setting() -> None:
    async with serve_echo(reflection=True) as stack:
        assert NAME in await _reflected(stack)
    async with serve_echo() as stack:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _reflected(stack)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_message_beyond_the_limit_is_refused() -> None:
    async with serve_echo(max_message_bytes=65536) as stack:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stack.client.unary(Request(text="x" * 70_000))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_go_round_the_replicas() -> None:
    async with serve_echo() as one, serve_echo() as two:
        addresses = f"localhost:{one.running.port}, 127.0.0.1:{two.running.port}"
        async with open_channel(addresses, token=TOKEN) as channel, asyncio.timeout(30):
            while not all(stack.echo.started.is_set() for stack in (one, two)):
                await Client(channel).unary(Request(text="x"))


async def test_a_channel_finds_a_replica_that_came_back() -> None:
    port = processes.free_port()
    async with open_channel(f"127.0.0.1:{port}", token=TOKEN) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await Client(channel).unary(Request(text="x"), timeout=5)
        async with serve_echo(listen=f"127.0.0.1:{port}"):
            answer = await Client(channel).unary(Request(text="back"), timeout=10, wait_for_ready=True)
            assert answer.text == "back"


async def test_tls(certificate: tuple[Path, Path]) -> None:
    crt, key = certificate
    async with serve_echo(tls_cert_file=crt, tls_key_file=key) as stack:
        address = f"localhost:{stack.running.port}"
        async with open_channel(address, token=TOKEN, ca_file=crt) as channel, asyncio.timeout(30):
            assert isinstance(channel, FollowingChannel)
            while not channel.target.startswith("ipv4:"):
                await asyncio.sleep(0.01)
            assert (await Client(channel).unary(Request(text="sealed"), timeout=10)).text == "sealed"
        with pytest.raises(grpc.aio.AioRpcError):
            await stack.client.unary(Request(text="plain"), timeout=2)
