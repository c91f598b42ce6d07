"""Every RPC of the public API, walked from the descriptors, and the fields in which a call may name a thing."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import locution.v1
from buf.validate import validate_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

COLLECTION = re.compile(r"^\^(uploads|jobs|tenants|webhooks|voices|liveSessions|models)/")


@dataclass(frozen=True)
class Rpc:
    """One method of the public API."""

    descriptor: MethodDescriptor

    @property
    def service(self) -> str:
        return str(self.descriptor.containing_service.full_name)

    @property
    def name(self) -> str:
        return str(self.descriptor.name)

    @property
    def method(self) -> str:
        return f"/{self.service}/{self.name}"

    @property
    def streams_requests(self) -> bool:
        return bool(self.descriptor.client_streaming)

    def request(self) -> Any:
        """Return an empty request."""
        return message_factory.GetMessageClass(self.descriptor.input_type)()

    async def call(self, opened: grpc.aio.Channel, request: Any) -> Any:
        """Call with one request and return the first answer. Raises AioRpcError."""
        channel: Any = opened
        answer = message_factory.GetMessageClass(self.descriptor.output_type)
        codecs = {"request_serializer": type(request).SerializeToString, "response_deserializer": answer.FromString}
        match self.descriptor.client_streaming, self.descriptor.server_streaming:
            case False, False:
                return await channel.unary_unary(self.method, **codecs)(request, timeout=10)
            case True, False:
                return await channel.stream_unary(self.method, **codecs)(iter([request]), timeout=10)
            case False, True:
                async for first in channel.unary_stream(self.method, **codecs)(request, timeout=10):
                    return first
            case _:
                async for first in channel.stream_stream(self.method, **codecs)(iter([request]), timeout=10):
                    return first
        return None


def services() -> Iterator[ServiceDescriptor]:
    """Return the services of every proto of locution.v1."""
    for module in sorted(found.name for found in pkgutil.iter_modules(locution.v1.__path__)):
        if module.endswith("_service_pb2"):
            descriptor = importlib.import_module(f"locution.v1.{module}").DESCRIPTOR
            yield from descriptor.services_by_name.values()


def rpcs() -> list[Rpc]:
    """Return every RPC."""
    return [Rpc(method) for service in services() for method in service.methods]


def id_fields(message: Descriptor | None, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return the path and the kind of every field of a request that names a thing of a tenant.

    Those are fields whose rule is the pattern of a name, and what a resource in a request calls itself or refers to.
    """
    assert message is not None
    for field in message.fields:
        path = (*prefix, field.name)
        kind = _kind(field)
        if kind and kind != "models":
            yield path, kind
        elif _is_resource(field) and len(prefix) < 2:
            yield from id_fields(field.message_type, path)


def _kind(field: FieldDescriptor) -> str | None:
    """Return what a field names: the collection that its pattern ends in, "transcript", "settings", ..."""
    if field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
        return None
    pattern = field.GetOptions().Extensions[validate_pb2.field].string.pattern
    if COLLECTION.match(pattern):
        words = re.findall(r"[a-zA-Z]{4,}", re.sub(r"\[[^]]*]", "", pattern))
        return str(words[-1])
    assert field.containing_type is not None
    owner = str(field.containing_type.full_name).removeprefix("locution.v1.")
    if field.name == "name" and not owner.endswith("Request"):
        return EMBEDDED[owner, "name"]  # a resource that is not in the table fails here: add it
    return EMBEDDED.get((owner, field.name))


def _is_resource(field: FieldDescriptor) -> bool:
    return (
        field.type == FieldDescriptor.TYPE_MESSAGE
        and not field.is_repeated
        and field.message_type is not None
        and field.message_type.full_name.startswith("locution.v1.")
    )


EMBEDDED = {
    ("Job", "name"): "jobs",
    ("Job", "upload"): "uploads",
    ("Upload", "name"): "uploads",
    ("Tenant", "name"): "tenants",
    ("TenantSettings", "name"): "settings",
    ("User", "name"): "users",
    ("Quotas", "name"): "quotas",
    ("ApiKey", "name"): "apiKeys",
    ("Invitation", "name"): "invitations",
    ("Issuer", "name"): "issuers",
    ("Webhook", "name"): "webhooks",
    ("Voice", "name"): "voices",
}
"""Names inside of resources, which carry no pattern."""
