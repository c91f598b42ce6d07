"""Tenants, users, keys and roles on the command line."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from locution.v1 import identity_pb2 as identity

from locution_client.cli import arguments, show
from locution_client.cli.output import UsageError
from locution_client.client import Client

TENANT = re.compile(r"(?:tenants/)?([a-z][a-z0-9-]{1,62})")
PERIOD = re.compile(r"(\d+)([mhd])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
SHORTEST = 12


def words(items: Sequence[tuple[str, int]], prefix: str) -> dict[str, int]:
    """Return an enum's values by the short names of the command line."""
    return {name.removeprefix(prefix).lower().replace("_", "-"): value for name, value in items if value}


ROLES = words(identity.Role.items(), "ROLE_")
SCOPES = words(identity.Scope.items(), "SCOPE_")


def word(values: dict[str, int], number: int) -> str:
    """Return the short name of an enum's value; the number where this version does not know it."""
    return next((name for name, value in values.items() if value == number), str(number) if number else "-")


def tenant(text: str) -> str:
    """Accept `tenants/NAME` and `NAME`."""
    found = TENANT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no tenant: a small letter, then small letters, digits and -")
    return f"tenants/{found[1]}"


def period(text: str) -> timedelta:
    """Accept a length of time: `30m`, `12h`, `90d`."""
    found = PERIOD.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: give it as 30m, 12h or 90d")
    return int(found[1]) * UNITS[found[2]]


def after(length: timedelta) -> datetime:
    """Return the time so long after now."""
    return datetime.now(UTC) + length


def below(kind: str) -> Callable[[str], str]:
    """Accept `tenants/T/KIND/ID` and `ID`, which is completed by `named`."""
    pattern = re.compile(rf"(?:tenants/[a-z][a-z0-9-]{{1,62}}/{kind}/)?[a-z0-9-]{{1,64}}")

    def accept(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise argparse.ArgumentTypeError(f"{text!r} is not of the form tenants/T/{kind}/ID")
        return text

    return accept


def action(
    actions: arguments.Commands, name: str, run: object, text: str, whose: str = "tenant (the caller's own)"
) -> argparse.ArgumentParser:
    """Add a verb that takes --tenant and --json."""
    made = arguments.action(actions, name, run, text)
    add_tenant(made, whose)
    return made


def add_tenant(parser: argparse.ArgumentParser, text: str = "tenant (the caller's own)") -> None:
    """Add --tenant."""
    parser.add_argument("--tenant", type=tenant, metavar="TENANT", help=text)


async def chosen(client: Client, options: argparse.Namespace) -> str:
    """Return the tenant of the options, else the caller's own."""
    given: str | None = options.tenant
    return given or (await client.accounts.caller()).tenant


async def named(client: Client, options: argparse.Namespace, kind: str, text: str) -> str:
    """Return the whole name of something in a tenant."""
    return text if "/" in text else f"{await chosen(client, options)}/{kind}/{text}"


def new_password(prompt: str) -> str:
    """Ask twice for a password on a terminal; read a line elsewhere."""
    password = secret(prompt)
    if len(password) < SHORTEST:
        raise UsageError(f"a password has at least {SHORTEST} characters")
    if sys.stdin.isatty() and secret("The same again: ") != password:
        raise UsageError("the two are not the same")
    return password


def secret(prompt: str) -> str:
    """Ask for a secret on a terminal without showing it; read a line elsewhere."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("no password: give it as a line on standard input, or run this on a terminal")
    return line.rstrip("\r\n")


def one(message: Message, lines: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    """Print one thing, line by line."""
    if as_json:
        print(json.dumps(show.to_dict(message), indent=2, ensure_ascii=False))
        return
    width = max(len(name) for name, _ in lines) + 1
    print("\n".join(f"{name:<{width}} {text}".rstrip() for name, text in lines))


def when(message: Message, field: str) -> str:
    """Return a time in ISO 8601, or "-" where there is none."""
    return str(getattr(message, field).ToJsonString()) if message.HasField(field) else "-"
