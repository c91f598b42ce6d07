"""One bidirectional stream to an engine: send audio, read answers, and report what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message
from locution_common.cancellation import cancellable
from locution_common.errors import Code, InternalError, Reason, Refused
from locution_common.interceptors import remote_failure

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)

RETRY_SECONDS = 1.0


class Exchange(Generic[Q, A]):
    """A stream call. Refuses with `retry_after` if the engine did nothing, without it if an attempt was used."""

    def __init__(
        self, call: grpc.aio.StreamStreamCall[Q, A], requests: AsyncGenerator[Q], stall_seconds: float
    ) -> None:
        """Send the first of `requests`, the rest after the first answer; fail without an answer for `stall_seconds`.

        A refusal during a write can reach the client as a fault of the transport, so nothing more is written before the
        engine has accepted the stream.
        """
        self._call = call
        self._admitted = asyncio.Event()
        self._requests = requests
        self._stall = stall_seconds
        self._results = False

    def admit(self) -> None:
        """Send everything at once: the engine answers this call only after it has everything."""
        self._admitted.set()

    def found_result(self) -> None:
        """Record that work was done: from now on a lost engine uses up an attempt."""
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
            with cancellable():
                yield
        except grpc.aio.AioRpcError as error:
            raise self._error(sender, error) from error
        except TimeoutError as error:
            message = f"the engine gave no answer for {self._stall:.0f} s"
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, message) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            ours = task is not None and task.cancelling()
            if not ours and sender.done() and not sender.cancelled() and (cause := sender.exception()) is not None:
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
        except Refused:
            self._call.cancel()
            raise


@contextmanager
def believed() -> Iterator[None]:
    """Refuse an impossible answer with INFERENCE_FAILED."""
    try:
        yield
    except ValueError as error:
        raise Refused(Reason.INFERENCE_FAILED, f"the engine's answer is impossible: {error}") from error


def translate(error: grpc.aio.AioRpcError, results: bool) -> Refused:
    """Convert an engine's refusal or failure to a domain error; `results` tells whether work was done before it."""
    failure = remote_failure(error)
    busy = Refused(
        Reason.ENGINE_OVERLOADED, failure.message or failure.code, retry_after=failure.retry_after or RETRY_SECONDS
    )
    match failure.code:
        case Code.RESOURCE_EXHAUSTED:
            return busy
        case Code.UNAVAILABLE | Code.CANCELLED if not results:
            return busy
        case Code.UNAVAILABLE | Code.CANCELLED | Code.DEADLINE_EXCEEDED:
            return Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine was lost")
        case Code.UNAUTHENTICATED | Code.PERMISSION_DENIED:
            return InternalError(f"the engine refuses the gateway: {failure.message}")
        case _:
            return Refused(failure.reason or Reason.INTERNAL, failure.message or failure.code)
