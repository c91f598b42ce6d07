"""Ask the registry which weights may be used, and tell it which are loaded."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models
from locution_common.errors import Code, DependencyUnavailable
from locution_common.interceptors import remote_failure

from locution_diarizer.domain.errors import ModelNotFound
from locution_diarizer.domain.models import WeightName
from locution_diarizer.domain.ports import WeightFile, WeightRecord

PROVIDER = "pyannote"
TIMEOUT = 5.0
FRESH = 2.0
STALE = 300.0
RETRY = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RegistryDirectory:
    """Read weights from the registry. A record is used again for 2 s, and for 5 min while the registry is away."""

    stub: RegistryServiceStub
    _cache: dict[WeightName, tuple[float, WeightRecord]] = field(default_factory=dict)

    async def get(self, name: WeightName) -> WeightRecord:
        """Return the record; raises ModelNotFound, or DependencyUnavailable."""
        now = asyncio.get_running_loop().time()
        read_at, known = self._cache.get(name, (float("-inf"), None))
        if known is not None and now - read_at < FRESH:
            return known
        try:
            record = _record(name, await self.stub.GetWeight(pb.GetWeightRequest(path=name), timeout=TIMEOUT))
        except grpc.aio.AioRpcError as error:
            return self._without_answer(name, error, known if now - read_at < STALE else None)
        self._cache[name] = (now, record)
        return record

    def _without_answer(
        self, name: WeightName, error: grpc.aio.AioRpcError, known: WeightRecord | None
    ) -> WeightRecord:
        failure = remote_failure(error)
        if failure.code in (Code.NOT_FOUND, Code.INVALID_ARGUMENT):
            self._cache.pop(name, None)
            raise ModelNotFound(f"there is no model {name}") from error
        if known is not None:
            return known
        raise DependencyUnavailable("the registry cannot be reached") from error


@dataclass(slots=True)
class ServingReports:
    """Report to the registry which weights are in memory, until told to stop."""

    stub: RegistryServiceStub
    loaded: Callable[[], Sequence[WeightName]]
    replica: str = field(
        default_factory=lambda: f"diarizer-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    )

    async def run(self, stopping: asyncio.Event) -> None:
        """Report within every half of the time that the registry grants."""
        while not stopping.is_set():
            wait = await self._report(list(self.loaded()))
            try:
                async with asyncio.timeout(wait):
                    await stopping.wait()
            except TimeoutError:
                continue
        await self._report([])

    async def _report(self, loaded: Sequence[WeightName]) -> float:
        request = pb.ReportServingRequest(replica=self.replica, kind=models.MODEL_KIND_DIARIZATION, paths=loaded)
        try:
            answer = await self.stub.ReportServing(request, timeout=TIMEOUT)
        except grpc.aio.AioRpcError as error:
            _log.info("the registry took no report", extra={"code": error.code().name})
            return RETRY
        return max(1.0, answer.ttl.ToNanoseconds() / 2e9)


def _record(name: WeightName, weight: pb.Weight) -> WeightRecord:
    model = weight.model
    return WeightRecord(
        name=name,
        checksum=model.checksum,
        size=model.size_bytes,
        refusal=_refusal(model),
        files=tuple(WeightFile(file.path, file.sha256) for file in weight.files),
    )


def _refusal(model: models.Model) -> str | None:
    if model.kind != models.MODEL_KIND_DIARIZATION or model.provider != PROVIDER:
        return "it is no diarization model of this engine"
    if model.state != models.Model.STATE_ENABLED:
        return model.state_reason or models.Model.State.Name(model.state).removeprefix("STATE_").lower()
    return None
