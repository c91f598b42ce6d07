"""Layers: each wraps a call from before its start to after its end.

One gRPC interceptor holds all layers and wraps each handler once, so that a streamed message passes one wrapper instead
of one per layer. The wrappers are coroutine functions, even for streams: grpc.aio runs sync functions in a thread, and
abandons an async generator when its client cancels. The garbage collector would close that generator after the call,
when reading the call's context reads freed memory.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc

from ..auth import Metadata
from ..cancellation import cancellable
from .messages import Unread, reader

ServicerContext: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in its stubs alone


@dataclass(slots=True)
class Call:
    """A call in progress; its gRPC status name `code` and its error `reason` are final after the layer `errors`."""

    method: str
    unary: bool
    context: ServicerContext
    request_id: str = ""
    code: str = "OK"
    reason: str = ""

    @property
    def metadata(self) -> Metadata:
        """Return the metadata that the client sent."""
        return tuple(self.context.invocation_metadata() or ())


class Layer(Protocol):
    """Wraps every call."""

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Enter before the handler runs; leave after it has ended, and see its exception."""
        ...


class RequestCheck(Protocol):
    """Checks every message that a client sends."""

    async def check(self, call: Call, message: Any) -> None:
        """Raise a Refused to refuse the message."""
        ...


class LayeredInterceptor(grpc.aio.ServerInterceptor):
    """Run layers around every handler, the first one outermost, and checks on every request message."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._checks = [layer for layer in layers if hasattr(layer, "check")]

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the handler of a call; gRPC answers UNIMPLEMENTED for unknown methods."""
        handler: Any = await continuation(handler_call_details)
        return handler if handler is None else self._wrap(handler, str(handler_call_details.method))

    def _wrap(self, handler: Any, method: str) -> Handler:
        codecs = (reader(method, handler.request_deserializer), handler.response_serializer)
        unary = not (handler.request_streaming or handler.response_streaming)
        match handler.request_streaming, handler.response_streaming:
            case False, False:
                one = self._one(handler.unary_unary, method, unary, self._checked)
                return grpc.unary_unary_rpc_method_handler(one, *codecs)
            case True, False:
                one = self._one(handler.stream_unary, method, unary, self._checked_stream)
                return grpc.stream_unary_rpc_method_handler(one, *codecs)
            case False, True:
                many = self._many(handler.unary_stream, method, self._checked)
                return grpc.unary_stream_rpc_method_handler(many, *codecs)
            case _:
                many = self._many(handler.stream_stream, method, self._checked_stream)
                return grpc.stream_stream_rpc_method_handler(many, *codecs)

    def _one(self, behavior: Any, method: str, unary: bool, checked: Callable[[Call, Any], Any]) -> Any:
        async def respond(request: Any, context: ServicerContext) -> Any:
            call = Call(method, unary, context)
            async with self._around(call):
                given = checked(call, request)
                return await behavior(await given if inspect.isawaitable(given) else given, context)

        return respond

    def _many(self, behavior: Any, method: str, checked: Callable[[Call, Any], Any]) -> Any:
        async def respond(request: Any, context: ServicerContext) -> None:
            call = Call(method, False, context)
            async with self._around(call):
                given = checked(call, request)
                responses = behavior(await given if inspect.isawaitable(given) else given, context)
                if inspect.isawaitable(responses):  # a handler that writes by itself, as grpc's own Health.Watch does
                    await responses
                    return
                async with aclosing(responses):
                    async for response in responses:
                        await context.write(response)

        return respond

    @asynccontextmanager
    async def _around(self, call: Call) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for layer in self.layers:
                await stack.enter_async_context(layer.around(call))
            yield

    async def _checked(self, call: Call, message: Any) -> Any:
        if isinstance(message, Unread):
            raise message.refusal
        for check in self._checks:
            await check.check(call, message)
        return message

    async def _checked_stream(self, call: Call, messages: AsyncIterator[Any]) -> AsyncIterator[Any]:
        while True:
            try:
                with cancellable():  # grpc.aio may answer a cancelled read with the end of the stream
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            yield await self._checked(call, message)
