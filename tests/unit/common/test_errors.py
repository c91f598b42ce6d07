from __future__ import annotations

import inspect
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from locution_common import errors
from locution_common.errors import Code, FieldViolation, LocutionError, QuotaViolation
from locution_common.interceptors import status_of

EVERY = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, LocutionError)]


class QuotaExceeded(LocutionError):
    """Everything that an error can carry."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"


def details(error: BaseException) -> status_pb2.Status:
    trailers = dict(status_of(error, "id-1").trailing_metadata or ())
    return status_pb2.Status.FromString(trailers["grpc-status-details-bin"])


def unpacked(error: BaseException, message: Any) -> Any:
    return next((message for packed in details(error).details if packed.Unpack(message)), None)


@pytest.mark.parametrize("code", Code)
def test_codes_are_those_of_grpc(code: Code) -> None:
    kind = type("Kind", (LocutionError,), {"code": code, "reason": "SOME"})
    assert status_of(kind("text"), "id-1").code is grpc.StatusCode[code.value]


def test_no_code_of_grpc_is_missing() -> None:
    assert {code.value for code in Code} == {code.name for code in grpc.StatusCode} - {"OK"}


def test_every_detail_is_sent() -> None:
    error = QuotaExceeded(
        "too much",
        violations=[FieldViolation("config.words[2]", "is empty")],
        retry_after=1.25,
        quota=[QuotaViolation("tenant:a", "10 jobs")],
        metadata={"limit": "10"},
    )
    info, bad, retry, quota, request = (
        unpacked(error, message)
        for message in (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
            error_details_pb2.QuotaFailure(),
            error_details_pb2.RequestInfo(),
        )
    )
    assert (info.reason, info.domain, dict(info.metadata)) == ("OVERLOADED", "locution", {"limit": "10"})
    assert [(violation.field, violation.description) for violation in bad.field_violations] == [
        ("config.words[2]", "is empty")
    ]
    assert retry.retry_delay.ToMilliseconds() == 1250
    assert [(violation.subject, violation.description) for violation in quota.violations] == [("tenant:a", "10 jobs")]
    assert request.request_id == "id-1"


def test_absent_details_are_absent() -> None:
    kinds = [packed.TypeName() for packed in details(QuotaExceeded("too much")).details]
    assert kinds == ["google.rpc.ErrorInfo", "google.rpc.RequestInfo"]


@pytest.mark.parametrize("error", [ValueError("canary"), errors.InternalError("canary"), KeyError("canary")])
def test_our_faults_say_an_id_and_nothing_else(error: Exception) -> None:
    status = status_of(error, "id-1")
    assert (status.code, status.details) == (grpc.StatusCode.INTERNAL, "an internal error occurred; its id is id-1")
    assert "canary" not in str(details(error))


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_every_error_states_code_and_reason(cls: type[LocutionError]) -> None:
    assert isinstance(cls.code, Code)
    assert cls.reason == cls.reason.upper()
    assert cls("text").message == "text"
