"""`locution keys`: the caller's own API keys, and with --tenant those of a tenant's programs."""

from __future__ import annotations

import argparse

from locution.v1.identity_pb2 import ApiKey, IssuedApiKey

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.client import Client

STATES = naming.words(ApiKey.State.items(), "STATE_")
OF_TENANT = "as an administrator: of this tenant, not your own"


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("keys", help="make, list, rotate and revoke API keys")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _action(actions, "list", _list, "list keys, newest first")
    create = _action(actions, "create", _create, "make a key and print its secret, this once")
    create.add_argument("--label", default="", metavar="TEXT", help="label for people")
    create.add_argument("--role", choices=naming.ROLES, help="what it may do (your role; member with --tenant)")
    create.add_argument("--scope", action="append", choices=naming.SCOPES, help="what it is for; may be repeated (all)")
    create.add_argument("--expires", type=naming.period, metavar="TIME", help="for example 90d (never)")
    rotate = _on_one(actions, "rotate", _rotate, "make a successor and print its secret, this once")
    rotate.add_argument("--overlap", type=naming.period, metavar="TIME", help="how long the old one stays good (1d)")
    _on_one(actions, "revoke", _revoke, "revoke a key")


def _action(actions: arguments.Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    return naming.action(actions, name, run, text, OF_TENANT)


def _on_one(actions: arguments.Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    action = _action(actions, name, run, text)
    action.add_argument("name", type=naming.below("apiKeys"), metavar="KEY", help="its name or ID")
    return action


async def _list(client: Client, options: argparse.Namespace) -> int:
    administration = client.administration
    keys = await (administration.keys(options.tenant) if options.tenant else client.accounts.keys())
    header = ("KEY", "STATE", "ROLE", "LAST USE", "EXPIRES", "OWNER", "LABEL")
    print(show.as_json(keys) if options.json else show.table(header, [_row(key) for key in keys]))
    return exit_codes.OK


async def _create(client: Client, options: argparse.Namespace) -> int:
    wanted = ApiKey(display_name=options.label)
    role = options.role or ("member" if options.tenant else None)
    if role:
        wanted.role = naming.ROLES[role]  # type: ignore[assignment]
    wanted.scopes.extend(naming.SCOPES[scope] for scope in options.scope or ())  # type: ignore[misc]
    if options.expires:
        wanted.expire_time.FromDatetime(naming.after(options.expires))
    own, tenant = client.accounts, options.tenant
    _issued(await (client.administration.create_key(tenant, wanted) if tenant else own.create_key(wanted)), options)
    return exit_codes.OK


async def _rotate(client: Client, options: argparse.Namespace) -> int:
    name = await naming.named(client, options, "apiKeys", options.name)
    calls = client.administration if options.tenant else client.accounts
    _issued(await calls.rotate_key(name, overlap=options.overlap), options)
    return exit_codes.OK


async def _revoke(client: Client, options: argparse.Namespace) -> int:
    name = await naming.named(client, options, "apiKeys", options.name)
    calls = client.administration if options.tenant else client.accounts
    key = await calls.revoke_key(name)
    naming.one(key, _lines(key), as_json=options.json)
    return exit_codes.OK


def _issued(issued: IssuedApiKey, options: argparse.Namespace) -> None:
    naming.one(issued, [*_lines(issued.api_key), ("secret", issued.secret)], as_json=options.json)


def _lines(key: ApiKey) -> list[tuple[str, str]]:
    scopes = ", ".join(naming.word(naming.SCOPES, scope) for scope in key.scopes) or "all that the role allows"
    header = ("key", "state", "role", "last use", "expires", "owner", "label")
    return [*zip(header, _row(key), strict=True), ("scopes", scopes)]


def _row(key: ApiKey) -> tuple[str, ...]:
    return (
        key.name,
        naming.word(STATES, key.state),
        naming.word(naming.ROLES, key.role),
        naming.when(key, "last_use_time"),
        naming.when(key, "expire_time"),
        key.user.rpartition("/")[2] or "a program",
        key.display_name,
    )
