"""One bidirectional stream to an engine: send audio, read answers, and say plainly what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from locution_common.errors import LocutionError

from locution_gateway.domain.stage_errors import EngineBusyError, EngineError, EngineUnavailableError

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)

RETRY_SECONDS = 1.0


class Exchange(Generic[Q, A]):
    """A stream call. Raises EngineBusyError before any result, EngineUnavailableError or EngineError after it."""

    def __init__(
        self, call: grpc.aio.StreamStreamCall[Q, A], requests: AsyncGenerator[Q], stall_seconds: float
    ) -> None:
        """Send the first of `requests`, the rest after the first answer; give up without one for `stall_seconds`.

        A refusal that meets a client in the middle of writing can reach it as a fault of the transport: nothing is
        written before the engine said that it takes the stream.
        """
        self._call = call
        self._admitted = asyncio.Event()
        self._requests = requests
        self._stall = stall_seconds
        self._results = False

    def admit(self) -> None:
        """Send everything at once: the engine answers this call only when it has it all."""
        self._admitted.set()

    def found_result(self) -> None:
        """Note that work was done: from now on a lost engine uses up an attempt."""
        self._results = True

    async def answers(self) -> AsyncGenerator[A]:
        """Yield the answers until the engine ends the stream."""
        sender = asyncio.create_task(self._send())
        try:
            while (answer := await self._read(sender)) is not grpc.aio.EOF:
                self._admitted.set()
                yield answer
            await self._finish(sender)
        finally:
            self._call.cancel()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _finish(self, sender: asyncio.Task[None]) -> None:
        with self._judged(sender):
            if await self._call.code() is not grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    await self._call.code(),
                    await self._call.initial_metadata(),
                    await self._call.trailing_metadata(),
                    await self._call.details(),
                )

    async def _read(self, sender: asyncio.Task[None]) -> Any:
        with self._judged(sender):
            async with asyncio.timeout(self._stall):
                return await self._call.read()

    @contextmanager
    def _judged(self, sender: asyncio.Task[None]) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise self._error(sender, error) from error
        except TimeoutError as error:
            message = f"the engine gave no answer for {self._stall:.0f} s"
            raise EngineUnavailableError(message) from error
        except asyncio.CancelledError:
            if sender.done() and not sender.cancelled() and (cause := sender.exception()) is not None:
                raise cause from None
            raise

    def _error(self, sender: asyncio.Task[None], error: grpc.aio.AioRpcError) -> BaseException:
        cause = sender.exception() if sender.done() and not sender.cancelled() else None
        return cause or translate(error, self._results)

    async def _send(self) -> None:
        """Send everything; a failing source ends the call, an ended call ends the sending."""
        try:
            async with aclosing(self._requests) as requests:
                async for request in requests:
                    await self._call.write(request)
                    await self._admitted.wait()
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return
        except LocutionError:
            self._call.cancel()
            raise


@contextmanager
def believed() -> Iterator[None]:
    """Raise EngineError for an answer that cannot be true."""
    try:
        yield
    except ValueError as error:
        raise EngineError("INFERENCE_FAILED", f"the engine's answer cannot be true: {error}") from error


def translate(error: grpc.aio.AioRpcError, results: bool) -> LocutionError:
    """Return an engine's refusal or failure as a domain error; `results` tells whether work was done before it."""
    reason, retry_after = _details(error)
    message = error.details() or error.code().name
    match error.code():
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return EngineBusyError(message, retry_after=retry_after or RETRY_SECONDS)
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED if not results:
            return EngineBusyError(message, retry_after=retry_after or RETRY_SECONDS)
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED | grpc.StatusCode.DEADLINE_EXCEEDED:
            return EngineUnavailableError("the engine went away")
        case _:
            return EngineError(reason or "INTERNAL", message)


def _details(error: grpc.aio.AioRpcError) -> tuple[str | None, float | None]:
    """Return the ErrorInfo reason and the RetryInfo delay in seconds, where the status carries them."""
    status: status_pb2.Status | None = None
    with suppress(ValueError):  # the rich status contradicts the plain one: believe the plain one
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # has what is read of a call
    reason, delay = None, None
    for detail in status.details if status else ():
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            delay = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, delay
