"""The registry: the models of jobs, and those of ModelService.

The public Model is also the registry's message, so it passes through unchanged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models
from locution_common.errors import Code, DependencyUnavailable, InternalError, Reason, Refused
from locution_common.interceptors import RemoteFailure, remote_failure
from locution_speech.capabilities import Capabilities

from locution_gateway.models.models import ModelChoice, ModelKind, ResolvedModel
from locution_gateway.platform.principal import Principal

_PASSED: Final = frozenset(
    {
        Reason.MODEL_NOT_FOUND,
        Reason.MODEL_NOT_USABLE,
        Reason.MODEL_NONE_USABLE,
        Reason.MODEL_PATH_INVALID,
        Reason.MODEL_LAYOUT_INVALID,
        Reason.MODEL_CHECKSUM_MISMATCH,
        Reason.MODEL_ALREADY_REGISTERED,
        Reason.INVALID_REQUEST,
    }
)
_BUSY: Final = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.CANCELLED})
_KINDS: Final = {
    ModelKind.ASR: models.MODEL_KIND_ASR,
    ModelKind.DIARIZATION: models.MODEL_KIND_DIARIZATION,
}


class RegistryModels:
    """Calls the registry. `slow` is the timeout in seconds of calls that hash a model's files."""

    def __init__(self, channel: grpc.aio.Channel, timeout: float, slow: float) -> None:
        self._stub = RegistryServiceStub(channel)
        self._timeout = timeout
        self._slow = slow

    async def resolve(self, kind: ModelKind, choice: str | None) -> ResolvedModel:
        """Choose a model for a job."""
        request = pb.ResolveModelRequest(kind=_KINDS[kind], choice=choice or "")
        async with _translated():
            answer = await self._stub.ResolveModel(request, timeout=self._timeout)
        return resolved_from_proto(answer)

    async def register(self, principal: Principal, path: str, make_default: bool, validate_only: bool) -> models.Model:
        """Register a folder below the models root."""
        request = pb.RegisterModelRequest(
            path=path, make_default=make_default, validate_only=validate_only, actor=_actor(principal)
        )
        async with _translated():
            return (await self._stub.RegisterModel(request, timeout=self._slow)).resource

    async def get(self, path: str) -> models.Model:
        """Read one model."""
        async with _translated():
            return (await self._stub.GetModel(pb.GetModelRequest(path=path), timeout=self._timeout)).resource

    async def list(self, request: models.ListModelsRequest) -> models.ListModelsResponse:
        """Read a page; its token is the registry's."""
        asked = pb.ListModelsRequest(kind=request.kind, page_size=request.page_size, page_token=request.page_token)
        async with _translated():
            page = await self._stub.ListModels(asked, timeout=self._timeout)
        found = [model.resource for model in page.models]
        return models.ListModelsResponse(models=found, next_page_token=page.next_page_token)

    async def set_default(self, principal: Principal, path: str) -> models.Model:
        """Make a model the default of its kind."""
        request = pb.SetDefaultModelRequest(path=path, actor=_actor(principal))
        async with _translated():
            return (await self._stub.SetDefaultModel(request, timeout=self._timeout)).resource

    async def disable(self, principal: Principal, path: str, reason: str) -> models.Model:
        """Disable a model."""
        request = pb.DisableModelRequest(path=path, reason=reason, actor=_actor(principal))
        async with _translated():
            return (await self._stub.DisableModel(request, timeout=self._timeout)).resource

    async def enable(self, principal: Principal, path: str) -> models.Model:
        """Enable a model."""
        request = pb.EnableModelRequest(path=path, actor=_actor(principal))
        async with _translated():
            return (await self._stub.EnableModel(request, timeout=self._slow)).resource


def resolved_from_proto(answer: pb.ResolveModelResponse) -> ResolvedModel:
    """Return the model of a job."""
    model = answer.model.resource
    can = model.capabilities
    return ResolvedModel(
        choice=ModelChoice(answer.model.path, model.checksum),
        capabilities=Capabilities(
            languages=tuple(can.languages),
            language_detection=can.language_detection,
            translation=can.translation,
            word_times=can.word_times,
            prompt=can.prompt,
            speaker_counts=can.speaker_counts,
            overlap=can.overlap,
        ),
        fast_allowed=model.HasField("qualification") and model.qualification.passed,
        fallback=answer.fallback if answer.HasField("fallback") else None,
    )


def _actor(principal: Principal) -> str:
    return f"{principal.tenant_id}/{principal.subject}"[:256]


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Convert the registry's refusals to our own."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise _refusal(remote_failure(error)) from error


def _refusal(failure: RemoteFailure) -> Refused:
    if failure.reason is Reason.PAGE_TOKEN_INVALID:
        return Refused(failure.reason, field="page_token")
    if failure.reason in _PASSED:
        return Refused(failure.reason, failure.message)
    if failure.code in _BUSY:
        return DependencyUnavailable("the registry cannot be reached")
    return InternalError(f"the registry answered {failure.code} {failure.reason}: {failure.message}")
