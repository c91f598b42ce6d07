"""Which fields the responses of the public API carried, over a whole test run of many processes.

Where LOCUTION_TEST_LOGS names the run's folder, every process keeps them there when it ends; tests/filled unions them.
`python -m tests.support.filled MODULE ARGUMENT...` runs a module of its own process so, such as the command line.
"""

from __future__ import annotations

import atexit
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message
from grpc.aio._channel import Channel

from tests.support import canaries

API: Final = "/locution.v1."
NAME: Final = "filled-fields"

_filled: set[str] = set()


def record() -> None:
    """Record what this process's clients receive, and keep it when the process ends; nothing where nothing is kept."""
    if canaries.folder() is None:
        return
    for kind in ("unary_unary", "unary_stream", "stream_unary", "stream_stream"):
        setattr(Channel, kind, _recording(getattr(Channel, kind)))
    atexit.register(_keep)


def recorded(run: Path) -> set[str]:
    """Return the fields that any process of the run received."""
    return {field for path in run.glob(f"{NAME}-*") for field in path.read_text().split()}


def fields(message: Message) -> Iterator[str]:
    """Give the full name of each field that a message carries, those of its parts included."""
    for field, value in message.ListFields():
        yield field.full_name
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            parts = [part for part in value.values() if isinstance(part, Message)]
        else:
            parts = list(value) if field.is_repeated else [value]
        for part in parts:
            yield from fields(part)


def _keep() -> None:
    if _filled:
        canaries.keep(NAME, "\n".join(sorted(_filled)))


def _recording(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a channel's way of making calls; responses of the public API are recorded."""

    def recording(
        self: Channel,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool = False,
    ) -> Any:
        def received(data: bytes) -> Any:
            response = response_deserializer(data)
            _filled.update(fields(response))
            return response

        deserializer = received if method.startswith(API) else response_deserializer
        return call(self, method, request_serializer, deserializer, _registered_method)

    return recording


if __name__ == "__main__":
    record()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
