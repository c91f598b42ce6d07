"""Reading request messages: bytes and elements before rules, text without control characters and in NFC."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as uploads
from locution.v1 import webhook_service_pb2 as webhooks
from locution_common.errors import Reason, Refused
from locution_common.interceptors.messages import MAX_BYTES, Unread, max_request_bytes, reader, settle

CREATE = "/locution.v1.JobService/CreateJob"


@pytest.mark.parametrize(
    ("method", "limit"),
    [
        (CREATE, MAX_BYTES),
        ("/locution.v1.UploadService/WriteUpload", 1_114_112),
        ("/locution.v1.UploadService/CompleteUpload", 1_048_576),
        ("/grpc.health.v1.Health/Check", MAX_BYTES),
        ("/no.Such/Method", MAX_BYTES),
    ],
)
def test_a_method_states_its_limit_in_the_proto(method: str, limit: int) -> None:
    assert uploads.DESCRIPTOR.services_by_name["UploadService"]
    assert max_request_bytes(method) == limit


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x0a\x02\xed\xa0", b"\x0a\x05abc"])
def test_bytes_that_are_no_message_become_a_refusal(data: bytes) -> None:
    unread = reader(CREATE, jobs.CreateJobRequest.FromString)(data)
    assert isinstance(unread, Unread)
    assert unread.refusal.reason is Reason.INVALID_REQUEST


def test_a_message_may_have_as_many_bytes_as_its_limit() -> None:
    read = reader(CREATE, bytes)
    assert read(bytes(MAX_BYTES)) == bytes(MAX_BYTES)
    assert isinstance(read(bytes(MAX_BYTES + 1)), Unread)


@pytest.mark.parametrize("count", [10, 11, 20_001])
def test_elements_are_counted_against_the_rule(count: int) -> None:
    webhook = webhooks.Webhook(event_types=[webhooks.WEBHOOK_EVENT_TYPE_JOB_QUEUED] * count)
    request = webhooks.CreateWebhookRequest(webhook=webhook)
    if count <= 10:
        settle(request)
        return
    with pytest.raises(Refused, match="at most 10 items") as refused:
        settle(request)
    assert refused.value.violations[0].field == "webhook.event_types"


def test_all_elements_of_a_message_are_counted_together() -> None:
    with pytest.raises(Refused, match="20000"):
        settle(FieldMask(paths=["a"] * 20_001))


@pytest.mark.parametrize("text", ["\0", "a\0b", "\x1b[2J", "\x7f", "line\r\n", "\x0b"])
def test_control_characters_are_refused_by_field(text: str) -> None:
    request = jobs.CreateJobRequest(job=jobs.Job(config=config.JobConfig(hotwords=["fine", text])))
    with pytest.raises(Refused, match="control character") as refused:
        settle(request)
    assert refused.value.violations[0].field == "job.config.hotwords"


def test_line_feeds_and_tabs_stay() -> None:
    request = jobs.CreateJobRequest(job=jobs.Job(config=config.JobConfig(prompt="a\tb\nc")))
    settle(request)
    assert request.job.config.prompt == "a\tb\nc"


def test_text_becomes_nfc_in_place() -> None:
    request = jobs.CreateJobRequest(
        job=jobs.Job(display_name="Zoe\u0308", config=config.JobConfig(hotwords=["e\u0301"]))
    )
    settle(request)
    assert (request.job.display_name, list(request.job.config.hotwords)) == ("Zo\u00eb", ["\u00e9"])


def test_a_message_of_another_package_is_read_too() -> None:
    mask: Any = FieldMask(paths=["display_name"])
    settle(mask)
    assert list(mask.paths) == ["display_name"]
