"""A small service whose handlers do what the text of a request says; compiled from echo.proto when imported."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc
from locution_common import errors, telemetry
from locution_common.auth import caller
from locution_common.errors import Reason, Refused

_HERE = Path(__file__).parent
NAME = "locution.test.EchoService"


def _descriptors() -> descriptor_pb2.FileDescriptorSet:
    with tempfile.TemporaryDirectory() as folder:
        known, out = Path(folder, "known.binpb"), Path(folder, "echo.binpb")
        known.write_bytes(_validate_set().SerializeToString())
        arguments = [
            "protoc",
            f"--descriptor_set_in={known}",
            f"-I{_HERE}",
            f"--descriptor_set_out={out}",
            "echo.proto",
        ]
        assert protoc.main(arguments) == 0
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def _validate_set() -> descriptor_pb2.FileDescriptorSet:
    from protovalidate._gen.buf.validate import validate_pb

    found = descriptor_pb2.FileDescriptorSet()
    pool = descriptor_pool.Default()
    for name in ("descriptor", "duration", "timestamp", "field_mask"):
        __import__(f"google.protobuf.{name}_pb2")
        pool.FindFileByName(f"google/protobuf/{name}.proto").CopyToProto(found.file.add())
    found.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return found


def _load() -> tuple[Any, Any, Any]:
    pool = descriptor_pool.Default()
    for file in (*_validate_set().file, *_descriptors().file):
        try:
            pool.FindFileByName(file.name)
        except KeyError:
            pool.Add(file)
    messages = [pool.FindMessageTypeByName(f"locution.test.{name}") for name in ("Request", "Response", "Item")]
    request, response, item = (message_factory.GetMessageClass(message) for message in messages)
    return request, response, item


Request, Response, Item = _load()


def _obey(text: str) -> None:
    match text:
        case "bug":
            raise RuntimeError("secret internals")
        case "refuse":
            raise Refused(Reason.OVERLOADED, "too many echoes", retry_after=2.5)
        case "group":
            raise ExceptionGroup("tasks", [Refused(Reason.INVALID_REQUEST, "one of several")])
        case "internal":
            raise errors.InternalError("the row was gone")


class Echo:
    """Answer with the text, or with what the text asks for: an error, the caller, a long wait."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()

    async def unary(self, request: Any, context: Any) -> Any:
        _obey(request.text)
        self.started.set()
        if request.text == "wait":
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if request.text == "caller":
            return Response(text=type(caller()).__name__)
        if request.text == "trace":
            return Response(text=telemetry.capture())
        return Response(text=request.text)

    async def server_stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for letter in request.text:
            yield Response(text=letter)
        _obey(request.text)
        if request.text == "wait":
            yield await self.unary(request, context)

    async def client_stream(self, requests: AsyncIterator[Any], context: Any) -> Any:
        texts = [request.text async for request in requests]
        _obey("".join(texts))
        return Response(text="".join(texts))

    async def bidi_stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield await self.unary(request, context)

    def add_to(self, server: grpc.aio.Server) -> None:
        codec = (Request.FromString, Response.SerializeToString)
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary, *codec),
            "ServerStream": grpc.unary_stream_rpc_method_handler(self.server_stream, *codec),
            "ClientStream": grpc.stream_unary_rpc_method_handler(self.client_stream, *codec),
            "BidiStream": grpc.stream_stream_rpc_method_handler(self.bidi_stream, *codec),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
        server.add_registered_method_handlers(NAME, handlers)


class Client:
    """The four methods of a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        codec = (Request.SerializeToString, Response.FromString)
        self.unary = channel.unary_unary(f"/{NAME}/Unary", *codec)
        self.server_stream = channel.unary_stream(f"/{NAME}/ServerStream", *codec)
        self.client_stream = channel.stream_unary(f"/{NAME}/ClientStream", *codec)
        self.bidi_stream = channel.stream_stream(f"/{NAME}/BidiStream", *codec)


__all__ = ["NAME", "Client", "Echo", "Item", "Request", "Response"]
