"""Layer 5: converts exceptions of a call to a rich status. Nothing internal leaks; each fault is logged once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NoReturn, TypeAlias

import grpc

from ..channels import REQUEST_ID_KEY
from ..errors import Code, Reason, Refused
from .layer import Call
from .status import status_of

Translator: TypeAlias = Callable[[Exception], Refused | None]

_log = logging.getLogger("locution.errors")

_LEVELS: Final = {
    Code.INTERNAL: logging.ERROR,
    Code.UNKNOWN: logging.ERROR,
    Code.DATA_LOSS: logging.ERROR,
    Code.UNAVAILABLE: logging.WARNING,
}


class Errors:
    """Map errors to statuses by the one table; anything but a Refused becomes INTERNAL with only an id.

    Translators convert other errors first, because an adapter's library reports "unreachable" in its own way.
    """

    def __init__(self, translators: Sequence[Translator] = ()) -> None:
        self._translators = tuple(translators)

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            call.code = _code_of(call)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            call.code = _cancelled(call)
            raise
        except Exception as raised:  # noqa: BLE001 - nothing passes: it is answered, and logged if it is our fault
            await _abort(call, self._translated(_leaf(raised)))

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, Refused):
            return error
        found = next((known for translate in self._translators if (known := translate(error))), None)
        if found is not None:
            found.__cause__ = error
        return found or error


async def _abort(call: Call, error: Exception) -> NoReturn:
    _record(call, error)
    status = status_of(error, call.request_id)
    call.code = status.code.name
    call.reason = error.reason if isinstance(error, Refused) else Reason.INTERNAL
    trailers = (*(status.trailing_metadata or ()), (REQUEST_ID_KEY, call.request_id))
    await call.context.abort(status.code, status.details, trailers)


def _record(call: Call, error: Exception) -> None:
    fields = {"method": call.method, "request_id": call.request_id}
    if not isinstance(error, Refused):
        _log.error("a call failed", exc_info=error, extra=fields)
        return
    level = _LEVELS.get(error.reason.code, logging.INFO)
    fields |= {"code": error.reason.code.value, "reason": error.reason.value, "detail": error.message}
    _log.log(level, "a call was refused", exc_info=error if level == logging.ERROR else None, extra=fields)


def _leaf(error: Exception) -> Exception:
    """Return the cause of a task group's error: a fault of ours before any refusal, else the error itself."""
    leaves = list(_leaves(error))
    return next((leaf for leaf in leaves if not isinstance(leaf, Refused)), leaves[0])


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _code_of(call: Call) -> str:
    code = call.context.code()
    number = code if isinstance(code, int) else code.value[0]
    return next((status.name for status in grpc.StatusCode if status.value[0] == number), "UNKNOWN")


def _cancelled(call: Call) -> str:
    remaining = call.context.time_remaining()
    return "DEADLINE_EXCEEDED" if remaining is not None and remaining <= 0 else "CANCELLED"
