from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from locution_common import logs
from opentelemetry.sdk.trace import TracerProvider


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_line_of_json(stream: io.StringIO) -> None:
    logs.configure("asr", "INFO", stream=stream)
    logging.getLogger("x.y").info("took %d\nlines", 3, extra={"seconds": 1.5, "path": io})
    logging.getLogger("x.y").debug("too fine")
    (record,) = lines(stream)
    assert record["message"] == "took 3\nlines"
    assert (record["level"], record["logger"], record["service"], record["seconds"]) == ("INFO", "x.y", "asr", 1.5)
    assert str(record["time"]).endswith("+00:00")
    assert "trace_id" not in record


def test_ids_of_trace_and_request_are_there(stream: io.StringIO) -> None:
    logs.configure("asr", stream=stream)
    token = logs.request_id.set("req-1")
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("work") as span:
        logging.getLogger("x").warning("now")
    logs.request_id.reset(token)
    (record,) = lines(stream)
    context = span.get_span_context()
    assert record["trace_id"] == f"{context.trace_id:032x}"
    assert record["span_id"] == f"{context.span_id:016x}"
    assert record["request_id"] == "req-1"


SECRETS = ["plain-canary", 'with "quotes" canary', "back\\slash canary", "line\nbreak canary", "ünï canary/+="]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_hidden_everywhere(stream: io.StringIO, secret: str) -> None:
    logs.configure("asr", secrets=[secret], stream=stream)
    log = logging.getLogger("x")
    log.error("it is %s", secret, extra={"field": secret, "deep": {"list": [secret]}})
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    assert "canary" not in stream.getvalue()
    assert len(lines(stream)) == 2


def test_the_password_of_a_url_is_hidden_too(stream: io.StringIO) -> None:
    redactor = logs.configure("asr", stream=stream)
    redactor.add("postgresql://app:pass-canary@db/x")
    logging.getLogger("x").error("password authentication failed: pass-canary")
    assert "canary" not in stream.getvalue()


def test_a_secret_inside_a_longer_one_leaves_no_rest() -> None:
    redactor = logs.Redactor(["canary", "canary-and-more"])
    assert redactor.clean("x canary-and-more y canary z") == "x [redacted] y [redacted] z"
