"""TLS on real sockets: certificates are renewed without a restart, callers show theirs, and health stays readable."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from locution_common.channels import open_channel
from locution_common.tls import PemFiles

from tests.service.common.conftest import TOKEN, Stack, serve_echo
from tests.service.common.echo import NAME, Client, Request
from tests.service.common.test_following import until
from tests.support.certificates import Authority, replace
from tests.support.processes import free_ports

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that both sides trust."""
    return Authority("ours", tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Authority:
    """An authority that nobody trusts at first."""
    return Authority("other", tmp_path)


async def refused(port: int, **trust: Any) -> bool:
    """Tell whether a new connection gets no answer; any error but UNAVAILABLE is raised."""
    try:
        await said(port, "hello", **trust)
    except grpc.aio.AioRpcError as error:
        if error.code() is not UNAVAILABLE:
            raise
        return True
    return False


async def said(port: int, text: str, **trust: Any) -> str:
    """Return the answer of a call on a new connection."""
    async with open_channel(f"127.0.0.1:{port}", token=TOKEN, **trust) as channel:
        answer = await Client(channel).unary(Request(text=text), timeout=20)
    return str(answer.text)


@asynccontextmanager
async def sealed(pair: tuple[Path, Path], **settings: Any) -> AsyncIterator[Stack]:
    """Serve with a certificate."""
    async with serve_echo(tls_cert_file=pair[0], tls_key_file=pair[1], **settings) as stack:
        yield stack


async def test_new_connections_get_a_renewed_certificate(authority: Authority, other: Authority) -> None:
    used, renewed = authority.issue("first"), other.issue("second")
    async with sealed(used) as stack:
        port = stack.running.port
        assert await said(port, "before", ca_file=authority.file) == "before"
        assert await refused(port, ca_file=other.file)
        for old, new in zip(used, renewed, strict=True):
            replace(old, new)
        assert await said(port, "after", ca_file=other.file) == "after"
        assert await refused(port, ca_file=authority.file)


async def test_half_a_renewal_changes_nothing(
    authority: Authority, other: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    used, renewed = authority.issue("first"), other.issue("second")
    async with sealed(used) as stack:
        replace(used[0], renewed[0])
        with caplog.at_level(logging.WARNING, logger="locution_common.tls"):
            assert await said(stack.running.port, "still", ca_file=authority.file) == "still"
            assert await said(stack.running.port, "again", ca_file=authority.file) == "again"
        assert [record.message for record in caplog.records if record.name == "locution_common.tls"] == [
            "changed TLS files cannot be used; the earlier ones stay in use"
        ]
        replace(used[1], renewed[1])
        assert await said(stack.running.port, "whole", ca_file=other.file) == "whole"


async def test_a_caller_must_show_a_certificate_of_the_authority(authority: Authority, other: Authority) -> None:
    async with sealed(authority.issue("server"), tls_client_ca_file=authority.file) as stack:
        port = stack.running.port
        assert await said(port, "hello", ca_file=authority.file, shown=authority.issue("caller")) == "hello"
        assert await refused(port, ca_file=authority.file)
        assert await refused(port, ca_file=authority.file, shown=other.issue("caller"))
        assert await refused(port)


async def test_a_service_shows_its_certificate_to_others(authority: Authority) -> None:
    server, caller = authority.issue("server"), authority.issue("caller")
    shown: dict[str, Any] = {
        "tls_client_cert_file": caller[0],
        "tls_client_key_file": caller[1],
        "tls_ca_file": authority.file,
    }
    async with (
        sealed(server, tls_client_ca_file=authority.file) as stack,
        serve_echo(**shown) as front,
        front.running.context.channel(stack.running.address) as channel,
    ):
        assert (await Client(channel).unary(Request(text="inside"), timeout=20)).text == "inside"


async def test_a_channel_shows_a_renewed_certificate(authority: Authority, other: Authority) -> None:
    """The second server trusts another authority of callers; only the renewed certificate is of that one."""
    server, caller, renewed = authority.issue("server"), authority.issue("caller"), other.issue("caller")
    (port,) = free_ports(1)
    listen = {"listen": f"127.0.0.1:{port}"}
    async with open_channel(f"127.0.0.1:{port}", token=TOKEN, ca_file=authority.file, shown=caller) as channel:

        async def answered() -> bool:
            try:
                await Client(channel).unary(Request(text="hello"), timeout=20)
            except grpc.aio.AioRpcError as error:
                if error.code() is not UNAVAILABLE:
                    raise
                return False
            return True

        async with sealed(server, tls_client_ca_file=authority.file, **listen):
            await until(answered)
        async with sealed(server, tls_client_ca_file=other.file, **listen):
            assert not await answered()
            for old, new in zip(caller, renewed, strict=True):
                replace(old, new)
            await until(answered)


async def test_files_are_read_beside_the_event_loop(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, threads, refresh = asyncio.Event(), set[threading.Thread](), PemFiles.refresh
    loop = asyncio.get_running_loop()

    def watched(files: PemFiles) -> bool:
        threads.add(threading.current_thread())
        loop.call_soon_threadsafe(looked.set)
        return refresh(files)

    monkeypatch.setattr(PemFiles, "refresh", watched)
    async with open_channel("127.0.0.1:1", ca_file=authority.file):
        await looked.wait()
    assert threads
    assert threading.main_thread() not in threads


async def test_a_certificate_must_be_for_the_name_that_is_asked_for(authority: Authority) -> None:
    async with sealed(authority.issue("server")) as stack:
        port = stack.running.port
        assert await said(port, "named", ca_file=authority.file, server_name="localhost") == "named"
        assert await refused(port, ca_file=authority.file, server_name="speech.example.com")


async def test_a_caller_may_trust_the_certificate_itself(authority: Authority, other: Authority) -> None:
    """The pods of `helm test` know the api's certificate, and not who signed it."""
    pair = authority.issue("server")
    async with sealed(pair) as stack:
        assert await said(stack.running.port, "pinned", ca_file=pair[0]) == "pinned"
        assert await refused(stack.running.port, ca_file=other.issue("server")[0])


async def test_health_is_readable_without_tls_on_a_port_of_its_own(authority: Authority) -> None:
    async with sealed(authority.issue("server"), health_listen="127.0.0.1:0") as stack:
        assert await refused(stack.running.port)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{stack.running.health_port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)

            async def serving() -> bool:
                answer = await health.Check(health_pb2.HealthCheckRequest(service=NAME), timeout=20)
                return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

            await until(serving)
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await Client(channel).unary(Request(text="hello"), timeout=20)
            assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_taken_health_port_fails_the_start_before_a_call_is_served() -> None:
    port, taken = free_ports(2)
    with socket.create_server(("127.0.0.1", taken)):
        with pytest.raises(RuntimeError, match=f"Failed to bind.*{taken}") as failed:
            async with serve_echo(listen=f"127.0.0.1:{port}", health_listen=f"127.0.0.1:{taken}"):
                pytest.fail("it started")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            with pytest.raises(grpc.aio.AioRpcError):
                await health.Check(health_pb2.HealthCheckRequest(), timeout=2)
    assert failed.traceback, "it keeps alive what the start had begun"


async def test_health_stays_readable_while_calls_finish(authority: Authority) -> None:
    """A drain takes as long as the calls in progress; the process says NOT_SERVING all that time."""
    async with AsyncExitStack() as service:
        served = sealed(authority.issue("server"), health_listen="127.0.0.1:0", shutdown_grace=30)
        running = (await service.enter_async_context(served)).running
        async with open_channel(running.address, token=TOKEN, ca_file=authority.file) as channel:
            stream: Any = Client(channel).bidi_stream()
            await stream.write(Request(text="before"))
            assert (await stream.read()).text == "before"
            draining = asyncio.create_task(service.aclose())
            await running.context.stopping.wait()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{running.health_port}") as plain:
                health: Any = health_pb2_grpc.HealthStub(plain)
                answer = await health.Check(health_pb2.HealthCheckRequest(service=NAME), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
            await stream.write(Request(text="after"))
            assert (await stream.read()).text == "after"
            await stream.done_writing()
        await draining


def test_files_that_cannot_be_used_are_refused_at_start(authority: Authority, other: Authority) -> None:
    (crt, key), (_, strange) = authority.issue("one"), other.issue("two")
    assert PemFiles((crt, key), authority.file).contents.pair == (key.read_bytes(), crt.read_bytes())
    with pytest.raises(ssl.SSLError):
        PemFiles((crt, strange), None)
    with pytest.raises(ssl.SSLError):
        PemFiles(None, key)
    with pytest.raises(FileNotFoundError):
        PemFiles(None, crt.with_name("absent.crt"))
