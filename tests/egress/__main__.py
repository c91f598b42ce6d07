"""Run commands where every look-up and connection is recorded: `python -m tests.egress [--idle SECONDS] -- COMMAND...`.

The command runs in a network namespace of its own, with one interface whose gateway is nobody and one resolver, which
answers that no name exists. Both record what they get, and it is compared with `expected.toml`. The loopback interface
works as usual. The exit status is 0 if the command succeeded and nothing else was seen. Needs Linux, root, `unshare`
and `ip`; elsewhere it says so and exits with 0, or with 1 if LOCUTION_REQUIRE names egress.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.egress import seen
from tests.egress.recorders import Packets, Resolver

INSIDE = "--inside"
INTERFACE = "out0"
ADDRESSES = (("198.51.100.2/24", "198.51.100.1"), ("2001:db8::2/64", "2001:db8::1"))
"""Addresses and gateways from the ranges for documentation; nobody answers there."""


def main() -> int:
    """Run the command in a namespace, or say why not."""
    if sys.argv[1:2] == [INSIDE]:
        return _inside(_options(sys.argv[2:]))
    _options(sys.argv[1:])
    if missing := _missing():
        sys.stderr.write(f"SKIPPED LOUDLY: nothing was watched: {missing}\n")
        return 1 if "egress" in os.environ.get("LOCUTION_REQUIRE", "").split(",") else 0
    unshare = ["unshare", "--net", "--mount", "--propagation", "private"]
    return subprocess.call([*unshare, sys.executable, "-m", "tests.egress", INSIDE, *sys.argv[1:]])


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.egress", description=__doc__)
    parser.add_argument("--report", type=Path, help="file that gets everything that was seen")
    parser.add_argument("command", nargs="+", help="what runs, after --")
    return parser.parse_args(arguments)


def _missing() -> str | None:
    if os.geteuid() != 0:
        return "only root may make a network namespace"
    lacking = [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} is not installed"
    made = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return made.stderr.strip() or None


def _inside(options: argparse.Namespace) -> int:
    _lay_network()
    with tempfile.TemporaryDirectory() as folder, Resolver() as resolver, Packets(INTERFACE) as packets:
        _use_resolver(Path(folder))
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
    _ip("link", "set", "lo", "up")
    _ip("link", "add", INTERFACE, "type", "veth", "peer", "name", f"{INTERFACE}-end")
    for name in (INTERFACE, f"{INTERFACE}-end"):
        _ip("link", "set", name, "up")
    for address, gateway in ADDRESSES:
        _ip("address", "add", address, "dev", INTERFACE, *(["nodad"] if ":" in address else []))
        _ip("neighbour", "add", gateway, "lladdr", "02:00:00:00:00:01", "dev", INTERFACE, "nud", "permanent")
        _ip("route", "add", "default", "via", gateway, "dev", INTERFACE)


def _use_resolver(folder: Path) -> None:
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf"], check=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
