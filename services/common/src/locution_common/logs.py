"""JSON logs on standard error, one object per line, with trace and request ids and without secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote, urlsplit

from opentelemetry import trace

request_id: ContextVar[str] = ContextVar("locution_request_id", default="")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_SHORTEST_SECRET = 4


class Redactor:
    """Replaces secrets in text; values shorter than four characters are too common to replace."""

    MASK = "[redacted]"

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide `secret` from now on, and also the password in it if it is a URL."""
        for form in {*_forms(secret), *_forms(_url_password(secret))}:
            if len(form) >= _SHORTEST_SECRET and form not in self._forms:
                self._forms.append(form)
        self._forms.sort(key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return `text` without any secret."""
        for form in self._forms:
            text = text.replace(form, self.MASK)
        return text


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, service, ids, then its extra fields."""

    def __init__(self, service: str, redactor: Redactor) -> None:
        super().__init__()
        self._service = service
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(json.dumps(self._fields(record), default=str, ensure_ascii=False))

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
            **_ids(),
        }
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return fields


def configure(service: str, level: str = "INFO", secrets: Iterable[str] = (), stream: TextIO | None = None) -> Redactor:
    """Send all logs of the process to `stream` (standard error) as JSON; return the redactor for later secrets."""
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(service, redactor))
    root = logging.getLogger()
    for other in root.handlers[:]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    return redactor


def _ids() -> dict[str, object]:
    context = trace.get_current_span().get_span_context()
    ids: dict[str, object] = {}
    if context.is_valid:
        ids |= {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    if current := request_id.get():
        ids["request_id"] = current
    return ids


def _forms(secret: str) -> set[str]:
    """Return the forms in which a secret can appear in a line of JSON."""
    return {secret, json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe="")} if secret else set()


def _url_password(secret: str) -> str:
    try:
        return urlsplit(secret).password or ""
    except ValueError:
        return ""
