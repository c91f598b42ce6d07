"""How refusals are read and shown."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from locution.reasons.v1.catalogue import Reason, Retry
from locution_client.calls import may_repeat, may_resume, wait_before
from locution_client.cli import exit_codes, show
from locution_client.errors import COMMANDS, ApiError, JobFailed, from_status, raise_job_failure

from tests.unit.client.fake_gateway import refusal


def test_a_status_gives_reason_fields_and_advice() -> None:
    status = refusal(grpc.StatusCode.INVALID_ARGUMENT, "OPTION_UNSUPPORTED", "no French", language="not known")
    error = from_status(status)
    assert (error.code, error.reason, error.message) == ("INVALID_ARGUMENT", "OPTION_UNSUPPORTED", "no French")
    assert [(each.field, each.description) for each in error.violations] == [("language", "not known")]
    assert error.advice == COMMANDS[Reason.OPTION_UNSUPPORTED]


def test_the_retry_time_is_read_and_waited_for() -> None:
    status = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "full")
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=3)))
    status.details.append(detail)
    error = from_status(status)
    assert error.retry_after == 3.0
    assert may_repeat(error)
    assert wait_before(0, error) == 3.0


@pytest.mark.parametrize(
    ("code", "again"),
    [("UNAVAILABLE", True), ("RESOURCE_EXHAUSTED", False), ("INTERNAL", True), ("DEADLINE_EXCEEDED", True)],
)
def test_only_what_is_safe_is_repeated(code: str, again: bool) -> None:
    assert may_repeat(ApiError(code, "")) is again


def test_waits_grow_to_a_limit() -> None:
    error = ApiError("UNAVAILABLE", "")
    assert wait_before(0, error) < wait_before(20, error) <= 10.0


@pytest.mark.parametrize("reason", Reason)
def test_the_catalogue_says_what_is_repeated(reason: Reason) -> None:
    later = ApiError(reason.code, "", reason, retry_after=1.0)
    assert may_repeat(later) == (reason.retry is Retry.LATER)
    assert may_resume(later) == (reason.retry in (Retry.LATER, Retry.RESUME))
    unsaid = ApiError(reason.code, "", reason)
    assert may_repeat(unsaid) == (reason.retry is Retry.LATER and reason.code == "UNAVAILABLE")


def test_a_reason_of_a_newer_server_is_judged_by_its_code() -> None:
    assert may_repeat(ApiError("UNAVAILABLE", "", "OF_TOMORROW"))
    assert may_repeat(ApiError("RESOURCE_EXHAUSTED", "", "OF_TOMORROW", retry_after=1.0))
    assert not may_repeat(ApiError("INVALID_ARGUMENT", "", "OF_TOMORROW"))
    assert ApiError("INVALID_ARGUMENT", "", "OF_TOMORROW").advice is None


def test_the_catalogue_advises_where_no_command_helps() -> None:
    assert Reason.MEDIA_TOO_LONG not in COMMANDS
    assert ApiError("INVALID_ARGUMENT", "", "MEDIA_TOO_LONG").advice == "cut the recording into shorter pieces"


def test_a_failed_job_keeps_its_name() -> None:
    with pytest.raises(JobFailed) as caught:
        raise_job_failure("jobs/a", refusal(grpc.StatusCode.INVALID_ARGUMENT, "MEDIA_NO_AUDIO", "no sound"))
    assert (caught.value.job, caught.value.reason) == ("jobs/a", "MEDIA_NO_AUDIO")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApiError("UNAVAILABLE", ""), exit_codes.UNREACHABLE),
        (ApiError("UNAVAILABLE", "", "DEPENDENCY_UNAVAILABLE"), exit_codes.FAILED),
        (ApiError("UNAUTHENTICATED", "", "UNAUTHENTICATED"), exit_codes.UNAUTHENTICATED),
        (ApiError("NOT_FOUND", "", "JOB_NOT_FOUND"), exit_codes.FAILED),
    ],
)
def test_exit_statuses(error: ApiError, status: int) -> None:
    assert exit_codes.of(error) == status


def test_a_refusal_is_shown_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    status = refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "bad", **{"job.upload": "is required"})
    show.failure(from_status(status), "call.wav")
    show.failure(ApiError("UNAVAILABLE", "refused"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "locution: call.wav: INVALID_REQUEST: bad\n  job.upload: is required" in shown.err
    assert "next: check LOCUTION_ADDRESS" in shown.err
