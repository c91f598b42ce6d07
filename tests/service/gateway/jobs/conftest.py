"""What the tests of jobs share."""

from __future__ import annotations

from typing import Any

import pytest
from locution.v1 import job_service_pb2 as pb

from tests.service.gateway.conftest import Gateway


@pytest.fixture
async def upload(gateway: Gateway) -> str:
    return (await gateway.client.upload(b"RIFF and so on")).name


def kind(name: str) -> Any:
    return pb.StageKind.Value(f"STAGE_KIND_{name}")
