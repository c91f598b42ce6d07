"""Tenants and their resources, roles, and passwords."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence

from locution.v1 import identity_pb2 as identity

from locution_client.cli.output import UsageError
from locution_client.client import Client

SHORTEST = 12
"""Characters of a password."""


def words(items: Sequence[tuple[str, int]], prefix: str) -> dict[str, int]:
    """Return an enum's values by the short names of the command line."""
    return {name.removeprefix(prefix).lower().replace("_", "-"): value for name, value in items if value}


ROLES = words(identity.Role.items(), "ROLE_")
SCOPES = words(identity.Scope.items(), "SCOPE_")


def word(values: dict[str, int], number: int) -> str:
    """Return the short name of an enum's value, or the number if this version does not know it."""
    return next((name for name, value in values.items() if value == number), str(number) if number else "-")


async def chosen(client: Client, tenant: str | None) -> str:
    """Return the tenant that was given, else the caller's own."""
    return tenant or (await client.accounts.caller()).tenant


async def named(client: Client, tenant: str | None, kind: str, text: str) -> str:
    """Return the full name of a resource of a tenant."""
    return text if "/" in text else f"{await chosen(client, tenant)}/{kind}/{text}"


def new_password(prompt: str) -> str:
    """Ask twice for a password on a terminal, or read a line from a pipe."""
    password = secret(prompt)
    if len(password) < SHORTEST:
        raise UsageError(f"a password needs at least {SHORTEST} characters")
    if sys.stdin.isatty() and secret("Repeat it: ") != password:
        raise UsageError("the passwords differ")
    return password


def secret(prompt: str) -> str:
    """Ask for a secret on a terminal without showing it, or read a line from a pipe."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("no password: write it to standard input, or run this command in a terminal")
    return line.rstrip("\r\n")
