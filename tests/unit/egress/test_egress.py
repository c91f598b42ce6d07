"""A look-up or connection that nobody expects is seen, named, and fails."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections import Counter

import pytest

from tests.egress.recorders import answer, destination, question
from tests.egress.seen import Expected, Seen, report

FRAME = b"\0" * 12


def ipv4(address: str, protocol: int, port: int) -> bytes:
    head = bytes([0x45, *[0] * 8, protocol, *[0] * 6, *map(int, address.split("."))])
    return FRAME + struct.pack(">H", 0x0800) + head + struct.pack(">HH", 40000, port)


def test_packets_are_named_by_where_they_go() -> None:
    assert destination(ipv4("203.0.113.5", 6, 443)) == "203.0.113.5 port 443 tcp"
    assert destination(ipv4("203.0.113.5", 17, 53)) == "203.0.113.5 port 53 udp"
    assert destination(ipv4("203.0.113.5", 1, 0)) == "203.0.113.5 protocol 1"
    assert destination(ipv4("224.0.0.1", 17, 53)) is None
    assert destination(FRAME + struct.pack(">H", 0x0806) + b"\0" * 28) is None, "an ARP packet goes to no address"


def test_questions_are_read() -> None:
    asked = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + b"\x09Telemetry\x07example\x03com\0" + b"\0\x01\0\x01"
    assert question(asked + b"more") == ("telemetry.example.com", len(asked))


def test_a_known_name_is_answered_for_ipv4_alone() -> None:
    head = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\x01a\0"
    ipv4_asked, ipv6_asked = head + b"\0\x01\0\x01", head + b"\0\x1c\0\x01"
    assert answer(ipv4_asked, "10.1.2.3").endswith(b"\0\x04\x0a\x01\x02\x03")
    assert answer(ipv6_asked, "10.1.2.3") == b"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\x01a\0\0\x1c\0\x01"
    assert answer(ipv4_asked, None)[3] & 15 == 3


def test_what_nobody_expects_is_said() -> None:
    seen = Seen(Counter({"a.invalid": 3, "b.example.com": 1}), Counter({"203.0.113.5 port 443 tcp": 2}))
    text, surprised = report(seen, Expected({"*.invalid": "a test of look-ups"}, {"203.0.113.*": "a test of webhooks"}))
    assert surprised
    assert "looked up a.invalid (3): a test of look-ups\n" in text
    assert "looked up b.example.com (1): NOT EXPECTED\n" in text
    text, surprised = report(seen, Expected({"*": "any"}, {"*": "any"}))
    assert not surprised
    assert "2 names and 1 destinations were seen" in text


ASKS = """
import contextlib, socket
with contextlib.suppress(OSError):
    socket.getaddrinfo("telemetry.example.com", 443)
for family, address in ((socket.AF_INET, "203.0.113.5"), (socket.AF_INET6, "2001:db8:1::5")):
    with socket.socket(family) as asking, contextlib.suppress(OSError):
        asking.setblocking(False)
        asking.connect((address, 8443))
with socket.create_server(("127.0.0.1", 0)) as here:
    socket.create_connection(here.getsockname()).close()
"""


def test_a_real_process_is_watched() -> None:
    command = [sys.executable, "-m", "tests.egress", "--", sys.executable, "-c", ASKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, env={**os.environ})
    if "nothing was watched" in done.stderr:
        pytest.skip(f"SKIPPED LOUDLY: nothing was watched: {done.stderr.rpartition(': ')[2].strip()}")
    assert done.returncode == 1
    for line in (
        "looked up telemetry.example.com",
        "packets to 203.0.113.5 port 8443 tcp",
        "packets to 2001:db8:1::5 port 8443 tcp",
    ):
        assert f"{line} (" in done.stdout
    assert "1 names and 2 destinations were seen" in done.stdout
