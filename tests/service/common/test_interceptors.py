"""The chain on a real socket: every kind of call, every kind of failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from locution_common.errors import Code
from locution_common.interceptors import remote_failure

from tests.service.common.conftest import TOKEN, Stack, serve_echo
from tests.service.common.echo import Client, Item, Request


async def _many(text: str) -> Any:
    yield Request(text=text)


KINDS: dict[str, Callable[[Client, str], Awaitable[list[str]]]] = {}


def kind(function: Callable[[Client, str], Awaitable[list[str]]]) -> Callable[[Client, str], Awaitable[list[str]]]:
    KINDS[function.__name__] = function
    return function


@kind
async def unary(client: Client, text: str) -> list[str]:
    return [(await client.unary(Request(text=text))).text]


@kind
async def server_stream(client: Client, text: str) -> list[str]:
    return ["".join([response.text async for response in client.server_stream(Request(text=text))])]


@kind
async def client_stream(client: Client, text: str) -> list[str]:
    return [(await client.client_stream(_many(text))).text]


@kind
async def bidi_stream(client: Client, text: str) -> list[str]:
    return [response.text async for response in client.bidi_stream(_many(text))]


every_kind = pytest.mark.parametrize("call", KINDS.values(), ids=KINDS)


async def refusal(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def detail(error: grpc.aio.AioRpcError, message: Any) -> Any:
    trailers = dict(error.trailing_metadata())
    for packed in status_pb2.Status.FromString(trailers["grpc-status-details-bin"]).details:
        if packed.Unpack(message):
            return message
    raise AssertionError(f"no {type(message).__name__} in the status")


@every_kind
async def test_success_passes(stack: Stack, call: Any) -> None:
    assert await call(stack.client, "hello") == ["hello"]


@every_kind
async def test_a_domain_error_becomes_a_rich_status(stack: Stack, call: Any) -> None:
    error = await refusal(call(stack.client, "refuse"))
    failure = remote_failure(error)
    assert (failure.code, failure.reason, failure.retry_after) == (Code.RESOURCE_EXHAUSTED, "OVERLOADED", 2.5)
    assert failure.message == "too many echoes"
    assert detail(error, error_details_pb2.ErrorInfo()).domain == "locution"
    assert detail(error, error_details_pb2.RequestInfo()).request_id == dict(error.trailing_metadata())["x-request-id"]


@every_kind
@pytest.mark.parametrize("text", ["bug", "internal"])
async def test_our_fault_leaks_nothing_and_is_logged_once(
    stack: Stack, call: Any, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await refusal(call(stack.client, text))
    request_id = dict(error.trailing_metadata())["x-request-id"]
    assert (error.code(), remote_failure(error).reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert error.details() == f"an internal error occurred; its id is {request_id}"
    assert "secret" not in str(error.trailing_metadata())
    assert "row" not in str(error.trailing_metadata())
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.exc_info is not None for record in logged] == [True]
    assert logged[0].request_id == request_id  # type: ignore[attr-defined]


@every_kind
async def test_a_task_groups_refusal_is_the_refusal_in_it(stack: Stack, call: Any) -> None:
    failure = remote_failure(await refusal(call(stack.client, "group")))
    assert (failure.code, failure.message) == (Code.INVALID_ARGUMENT, "one of several")


@every_kind
@pytest.mark.parametrize("token", [None, "", "wrong" * 5, TOKEN + "x", TOKEN[:-1]])
async def test_callers_without_the_credential_are_refused(call: Any, token: str | None) -> None:
    async with serve_echo(token=token) as stack:
        failure = remote_failure(await refusal(call(stack.client, "hello")))
        assert (failure.code, failure.reason) == (Code.UNAUTHENTICATED, "UNAUTHENTICATED")


async def test_two_credentials_are_none(stack: Stack) -> None:
    twice = (("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}"))
    async with grpc.aio.insecure_channel(stack.running.address) as channel:
        failure = remote_failure(await refusal(Client(channel).unary(Request(text="x"), metadata=twice)))
    assert failure.reason == "UNAUTHENTICATED"


async def test_a_service_without_a_credential_refuses_all() -> None:
    async with serve_echo(service_token=None) as stack:
        assert remote_failure(await refusal(unary(stack.client, "x"))).reason == "UNAUTHENTICATED"


async def test_the_handler_sees_its_caller(stack: Stack) -> None:
    assert await unary(stack.client, "caller") == ["ServicePrincipal"]


@every_kind
async def test_an_invalid_message_is_refused(stack: Stack, call: Any) -> None:
    error = await refusal(call(stack.client, "x" * 21))
    assert remote_failure(error).reason == "INVALID_REQUEST"
    violations = detail(error, error_details_pb2.BadRequest()).field_violations
    assert [violation.field for violation in violations] == ["text"]


async def test_violations_name_their_paths(stack: Stack) -> None:
    request = Request(items=[Item(count=1), Item(count=-1)], labelled={"a b": Item(count=-2)})
    error = await refusal(stack.client.unary(request))
    violations = detail(error, error_details_pb2.BadRequest()).field_violations
    assert sorted(violation.field for violation in violations) == ["items[1].count", 'labelled["a b"].count']
    assert all("0" in violation.description for violation in violations)


async def test_every_message_of_a_stream_is_validated(stack: Stack) -> None:
    async def second_is_bad() -> Any:
        yield Request(text="good")
        yield Request(text="x" * 21)

    call: Any = stack.client.bidi_stream(second_is_bad())
    assert (await call.read()).text == "good"
    assert remote_failure(await refusal(call.read())).reason == "INVALID_REQUEST"


async def test_violations_are_capped(stack: Stack) -> None:
    error = await refusal(stack.client.unary(Request(items=[Item(count=-1)] * 50)))
    assert len(detail(error, error_details_pb2.BadRequest()).field_violations) == 10
    assert "(and 49 more)" in str(error.details())


async def test_a_large_message_is_refused_at_its_first_violation(stack: Stack) -> None:
    error = await refusal(stack.client.unary(Request(items=[Item(count=-1)] * 500)))
    assert len(detail(error, error_details_pb2.BadRequest()).field_violations) == 1


async def test_long_paths_do_not_outgrow_the_trailers(stack: Stack) -> None:
    request = Request(labelled={"k" * 9000 + str(number): Item(count=-1) for number in range(30)})
    error = await refusal(stack.client.unary(request))
    assert remote_failure(error).reason == "INVALID_REQUEST"
    assert sum(len(key) + len(value) for key, value in error.trailing_metadata()) < 6000


async def test_a_unary_call_without_a_deadline_gets_one() -> None:
    async with serve_echo(default_deadline=0.05) as stack:
        failure = remote_failure(await refusal(unary(stack.client, "wait")))
        assert (failure.code, failure.reason) == (Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_the_clients_deadline_cancels_the_handler(stack: Stack) -> None:
    error = await refusal(stack.client.unary(Request(text="wait"), timeout=0.1))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(30):
        await stack.echo.cancelled.wait()


@pytest.mark.parametrize("call", [unary, server_stream, bidi_stream])
async def test_a_cancelled_call_cancels_its_handler_and_is_counted(stack: Stack, call: Any) -> None:
    task = asyncio.create_task(call(stack.client, "wait"))
    await stack.echo.started.wait()
    task.cancel()
    async with asyncio.timeout(30):
        await stack.echo.cancelled.wait()
        while _handled(stack, "CANCELLED") < 1:
            await asyncio.sleep(0.01)
    assert _sample(stack, "locution_rpc_server_in_flight") == 0


def _handled(stack: Stack, code: str) -> float:
    return _sample(stack, "locution_rpc_server_handled_total", code=code)


def _sample(stack: Stack, name: str, **labels: str) -> float:
    families = stack.running.context.registry.collect()
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


async def test_metrics_count_by_code_with_buckets_in_seconds(stack: Stack) -> None:
    await unary(stack.client, "hello")
    await refusal(unary(stack.client, "refuse"))
    await refusal(unary(stack.client, "bug"))
    assert [_handled(stack, code) for code in ("OK", "RESOURCE_EXHAUSTED", "INTERNAL")] == [1, 1, 1]
    assert _sample(stack, "locution_rpc_server_duration_seconds_count") == 3
    assert _sample(stack, "locution_rpc_server_duration_seconds_bucket", le="1800.0") == 3


async def test_errors_are_counted_by_method_and_reason(stack: Stack) -> None:
    await unary(stack.client, "hello")
    for text in ("refuse", "refuse", "bug", "x" * 21):
        await refusal(unary(stack.client, text))
    families = stack.running.context.registry.collect()
    (errors,) = [family for family in families if family.name == "locution_rpc_server_errors"]
    found = {sample.labels["reason"]: sample.value for sample in errors.samples if sample.name.endswith("_total")}
    assert found == {"OVERLOADED": 2, "INTERNAL": 1, "INVALID_REQUEST": 1}
    assert {sample.labels["method"] for sample in errors.samples} == {"/locution.test.EchoService/Unary"}


async def test_refused_callers_are_counted() -> None:
    async with serve_echo(token=None) as stack:
        await refusal(unary(stack.client, "hello"))
        assert _handled(stack, "UNAUTHENTICATED") == 1


@pytest.mark.parametrize(("sent", "kept"), [("abc-1.2_3", True), ("a" * 65, False), ("no spaces", False)])
async def test_a_sane_request_id_is_kept(stack: Stack, sent: str, kept: bool) -> None:
    call = stack.client.unary(Request(text="x"), metadata=(("x-request-id", sent),))
    await call
    answered = dict(await call.trailing_metadata())["x-request-id"]
    assert (answered == sent) is kept
    assert answered


async def test_an_unknown_method_is_unimplemented(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.running.address) as channel:
        nothing: Any = channel.unary_unary("/locution.test.EchoService/Nothing")
        error = await refusal(nothing(b""))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
