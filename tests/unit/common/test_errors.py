from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import Metadata
from locution_common import errors
from locution_common.errors import Code, FieldViolation, QuotaViolation, Reason, Refused
from locution_common.interceptors import RemoteFailure, remote_failure, status_of


def details(error: BaseException) -> status_pb2.Status:
    trailers = dict(status_of(error, "id-1").trailing_metadata or ())
    return status_pb2.Status.FromString(trailers["grpc-status-details-bin"])


def unpacked(error: BaseException, message: Any) -> Any:
    return next((message for packed in details(error).details if packed.Unpack(message)), None)


@pytest.mark.parametrize("reason", Reason)
def test_the_reason_gives_the_code(reason: Reason) -> None:
    assert status_of(Refused(reason, "text"), "id-1").code is grpc.StatusCode[reason.code.value]


def test_no_code_of_grpc_is_missing() -> None:
    assert {code.value for code in Code} == {code.name for code in grpc.StatusCode} - {"OK"}


def test_every_detail_is_sent() -> None:
    error = Refused(
        Reason.OVERLOADED,
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
    kinds = [packed.TypeName() for packed in details(Refused(Reason.OVERLOADED, "too much")).details]
    assert kinds == ["google.rpc.ErrorInfo", "google.rpc.RequestInfo"]


@pytest.mark.parametrize("error", [ValueError("canary"), errors.InternalError("canary"), KeyError("canary")])
def test_our_faults_say_an_id_and_nothing_else(error: Exception) -> None:
    status = status_of(error, "id-1")
    assert (status.code, status.details) == (grpc.StatusCode.INTERNAL, "an internal error occurred; its id is id-1")
    assert "canary" not in str(details(error))


def test_a_refusal_says_what_its_reason_says_unless_told_otherwise() -> None:
    assert Refused(Reason.JOB_NOT_FOUND).message == str(Refused(Reason.JOB_NOT_FOUND)) == "there is no such job"
    assert Refused(Reason.JOB_NOT_FOUND, "other").message == "other"


def test_a_field_to_blame_is_a_violation_with_the_message() -> None:
    assert Refused(Reason.PAGE_TOKEN_INVALID, field="page_token").violations == (
        FieldViolation("page_token", Reason.PAGE_TOKEN_INVALID.message),
    )


def test_a_reason_that_is_not_known_here_is_none() -> None:
    info = error_details_pb2.ErrorInfo(reason="OF_TOMORROW", domain="locution")
    status = status_pb2.Status(code=3)
    status.details.add().Pack(info)
    trailers = Metadata(("grpc-status-details-bin", status.SerializeToString()))
    error = grpc.aio.AioRpcError(grpc.StatusCode.INVALID_ARGUMENT, Metadata(), trailers, details="new")
    assert remote_failure(error) == RemoteFailure(Code.INVALID_ARGUMENT, "new")
