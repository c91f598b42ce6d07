"""Liveness is tied to progress: a process whose event loop hangs answers nothing, and one that waits for others does."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from locution_common.health import LIVENESS

from tests.service.common.conftest import serve_echo
from tests.service.common.echo import NAME

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def asked(address: str, service: str, timeout: float = 30) -> int | grpc.StatusCode:
    """Return what a process answers to a health check, or why it does not."""
    with grpc.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            stub: Any = health_pb2_grpc.HealthStub(channel)
            return int(stub.Check(request, timeout=timeout).status)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code


async def test_a_hung_event_loop_fails_liveness() -> None:
    async with serve_echo() as stack:
        address = stack.running.address
        assert await asyncio.to_thread(asked, address, LIVENESS) == SERVING
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(asked, address, LIVENESS, 1)
            assert asking.result(timeout=30) is grpc.StatusCode.DEADLINE_EXCEEDED  # this waits on the event loop itself
        assert await asyncio.to_thread(asked, address, LIVENESS) == SERVING


async def test_an_outage_elsewhere_takes_readiness_alone() -> None:
    async def away() -> None:
        raise ConnectionError("the database is away")

    async with serve_echo(service={"probes": {"database": away}}) as stack:
        await stack.running.context.health.check()
        for service, answer in ((NAME, NOT_SERVING), ("", NOT_SERVING), (LIVENESS, SERVING)):
            assert await asyncio.to_thread(asked, stack.running.address, service) == answer


async def test_a_process_is_not_ready_before_its_first_check_but_alive() -> None:
    first = asyncio.Event()

    async def slow() -> None:
        await first.wait()

    async with serve_echo(service={"probes": {"model": slow}}) as stack:
        assert await asyncio.to_thread(asked, stack.running.address, NAME) == NOT_SERVING
        assert await asyncio.to_thread(asked, stack.running.address, LIVENESS) == SERVING
        first.set()
        assert await stack.running.context.health.check()
        assert await asyncio.to_thread(asked, stack.running.address, NAME) == SERVING
