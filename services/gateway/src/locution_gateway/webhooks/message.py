"""The body and headers: names and states, never content. Every attempt of a delivery has the same body."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Final

from locution_gateway.webhooks.models import Dispatch, EventType
from locution_gateway.webhooks.sign import signatures

TYPES: Final = {event: f"job.{event.removeprefix('JOB_').lower()}" for event in EventType} | {
    EventType.TEST: "webhook.test"
}


def body_of(dispatch: Dispatch) -> bytes:
    """Return the body as JSON in UTF-8."""
    told: dict[str, object] = {
        "id": str(dispatch.delivery_id),
        "type": TYPES[dispatch.event_type],
        "create_time": dispatch.event_time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    if dispatch.job_id is not None:
        told |= {"sequence": dispatch.event_id, "job": _job(dispatch)}
    return json.dumps(told, separators=(",", ":")).encode()


def headers_of(dispatch: Dispatch, body: bytes, seconds: int, agent: str) -> dict[str, str]:
    """Return the headers of an attempt at a time, in seconds since 1970."""
    return {
        "Content-Type": "application/json",
        "User-Agent": agent,
        "webhook-id": str(dispatch.delivery_id),
        "webhook-timestamp": str(seconds),
        "webhook-signature": signatures(dispatch.secrets, str(dispatch.delivery_id), seconds, body),
    }


def _job(dispatch: Dispatch) -> dict[str, object]:
    job: dict[str, object] = {
        "name": f"jobs/{dispatch.job_id}",
        "state": dispatch.event_type.removeprefix("JOB_"),
    }
    if dispatch.event_type is EventType.JOB_SUCCEEDED:
        job["transcript"] = f"jobs/{dispatch.job_id}/transcript"
    if dispatch.reason is not None:
        job["error"] = {"code": dispatch.reason.code, "reason": dispatch.reason}
    return job
