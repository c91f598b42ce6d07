"""Run commands where every look-up and connection is recorded: `python -m tests.egress [--idle SECONDS] -- COMMAND...`.

The command runs in a network namespace of its own, with one interface whose gateway is nobody and one resolver, which
answers that no name exists. Both record what they get, and it is compared with `expected.toml`. The loopback interface
works as usual. The exit status is 0 if the command succeeded and nothing else was seen. Needs Linux, root, `unshare`
and `ip`; elsewhere it says so and exits with 0, or with 1 if LOCUTION_REQUIRE names egress.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.egress import seen
from tests.egress.recorders import Packets, Resolver
from tests.support import namespaces

INTERFACE = "out0"
ADDRESSES = (("198.51.100.2/24", "198.51.100.1"), ("2001:db8::2/64", "2001:db8::1"))
"""Addresses and gateways from the ranges for documentation; nobody answers there."""


def main() -> int:
    """Run the command in a namespace, or say why not."""
    if sys.argv[1:2] == [namespaces.INSIDE]:
        return _inside(_options(sys.argv[2:]))
    _options(sys.argv[1:])
    if reason := namespaces.missing():
        sys.stderr.write(f"SKIPPED LOUDLY: nothing was watched: {reason}\n")
        return 1 if "egress" in os.environ.get("LOCUTION_REQUIRE", "").split(",") else 0
    return namespaces.enter("tests.egress", sys.argv[1:])


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.egress", description=__doc__)
    parser.add_argument("--report", type=Path, help="file that gets everything that was seen")
    parser.add_argument("command", nargs="+", help="what runs, after --")
    return parser.parse_args(arguments)


def _inside(options: argparse.Namespace) -> int:
    _lay_network()
    with tempfile.TemporaryDirectory() as folder, Resolver() as resolver, Packets(INTERFACE) as packets:
        namespaces.use_resolver(Path(folder))
        status = subprocess.call(options.command)
    found = seen.Seen(resolver.names(), packets.destinations())
    text, surprises = seen.report(found, seen.expected())
    sys.stdout.write(text)
    if options.report is not None:
        options.report.write_text(text, encoding="utf-8")
    if status != 0:
        sys.stdout.write(f"the command failed: exit status {status}\n")
    return status or int(surprises)


def _lay_network() -> None:
    """Lay a cable to nobody, and say that the gateways are at its other end."""
    namespaces.ip("link", "add", INTERFACE, "type", "veth", "peer", "name", f"{INTERFACE}-end")
    for name in (INTERFACE, f"{INTERFACE}-end"):
        namespaces.ip("link", "set", name, "up")
    for address, gateway in ADDRESSES:
        namespaces.ip("address", "add", address, "dev", INTERFACE, *(["nodad"] if ":" in address else []))
        namespaces.ip("neighbour", "add", gateway, "lladdr", "02:00:00:00:00:01", "dev", INTERFACE, "nud", "permanent")
        namespaces.ip("route", "add", "default", "via", gateway, "dev", INTERFACE)


if __name__ == "__main__":
    sys.exit(main())
