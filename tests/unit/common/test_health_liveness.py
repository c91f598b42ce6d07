"""Liveness is about the process, readiness about what it needs."""

from __future__ import annotations

from typing import Any

from grpc_health.v1 import health_pb2
from locution_common.health import LIVENESS, Health


async def status(health: Health, service: str) -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    answer: Any = await health.servicer.Check(request, None)  # type: ignore[arg-type]  # the context is not read
    return int(answer.status)


async def test_a_failed_probe_takes_work_away_but_not_life() -> None:
    async def fails() -> bool:
        return False

    health = Health()
    health.add({"database": fails})
    await health.publish_not_serving()
    assert await status(health, LIVENESS) == health_pb2.HealthCheckResponse.SERVING
    await health.check()
    assert await status(health, "") == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await status(health, LIVENESS) == health_pb2.HealthCheckResponse.SERVING
