"""The parsers that read what callers, files and sandboxed children send. A parser may refuse; other exceptions are faults.

`python -m tests.hostile.fuzz.targets TARGET SECONDS` fuzzes one in its process, whose modules it instruments.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import atheris

with atheris.instrument_imports(
    include=["locution_gateway", "locution_registry", "locution_common", "locution_client"]
):
    from locution_client.cli import durations
    from locution_common.auth import bearer_token
    from locution_common.errors import Refused
    from locution_common.interceptors.messages import reader
    from locution_gateway.identity import tokens
    from locution_gateway.identity.credentials import claims
    from locution_gateway.jobs.postgres.jobs import COLUMNS
    from locution_gateway.live import tokens as live_tokens
    from locution_gateway.media import probe, reporting
    from locution_gateway.platform import etags, filters
    from locution_gateway.platform.addresses import ClientAddresses, read_networks
    from locution_gateway.platform.pages import Binding
    from locution_gateway.platform.principal import ANONYMOUS
    from locution_registry.core import page_token


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def heads(data: bytes) -> None:
    """The first bytes of media files."""
    probe.kind(data)
    probe.is_text(data)
    probe.needs_seeking(data)
    probe.segment_end(data)
    probe.mp3_frame_bytes(data)
    probe.adts_frame_bytes(data)
    probe.ac3_frame_bytes(data)
    probe.loas_frame_bytes(data)
    probe.xing_frames(data)
    probe.ogg_ends_early(data)
    for container in ("mp3", "aac", "mpegts", "gsm", "amr", "ac3", "loas", "mpeg", "dts"):
        probe.confirmed(container, data)


def reports(data: bytes) -> None:
    """Lines of a decoding child, which media may have taken over."""
    opening = reporting.read_opening(data)
    reporting.read_report(data, opening, 1)


def page_tokens(data: bytes) -> None:
    """Page tokens of both services."""
    for read in (Binding(ANONYMOUS, "jobs").position, partial(page_token.decode, None)):
        with suppress(Refused):
            read(_text(data))


def filters_and_orders(data: bytes) -> None:
    """AIP-160 filters and orders of lists."""
    filters.parse_filter(_text(data), COLUMNS)


def credentials(data: bytes) -> None:
    """Bearer tokens: keys, refresh tokens, JWTs, resume tokens."""
    text = _text(data)
    bearer_token([("authorization", text)])
    tokens.parse_key(text)
    tokens.parse_numbered("session", text)
    claims.text(claims.unverified(text, 0), "kid")
    claims.text(claims.unverified(text, 1), "iss")
    live_tokens.session_of(text)


def addresses(data: bytes) -> None:
    """Addresses that proxies write."""
    proxies = ClientAddresses(read_networks("127.0.0.0/8, ::1/128"))
    proxies.of("ipv4:127.0.0.1:80", [("x-forwarded-for", _text(data))])
    proxies.of(_text(data), [])


def versions(data: bytes) -> None:
    """Etags."""
    etags.version(_text(data))


def lengths(data: bytes) -> None:
    """Durations of the command line."""
    durations.duration()(_text(data))


def messages(data: bytes) -> None:
    """Requests as they come from the wire."""
    from locution.v1 import job_service_pb2

    reader("/locution.v1.JobService/CreateJob", job_service_pb2.CreateJobRequest.FromString)(data)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    each.__name__: each
    for each in (
        heads, reports, page_tokens, filters_and_orders, credentials, addresses, versions, lengths, messages,
    )
}  # fmt: skip
ALLOWED: Final = (Refused, argparse.ArgumentTypeError)


def fuzz(name: str, seconds: int) -> None:
    """Run one target in this process until its time is over; libFuzzer ends the process."""
    target = TARGETS[name]

    def one(data: bytes) -> None:
        with suppress(*ALLOWED):
            target(data)

    folder = tempfile.mkdtemp()
    options: Any = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5", "-print_final_stats=1"]
    atheris.Setup([*options, f"-artifact_prefix={folder}/"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]))
