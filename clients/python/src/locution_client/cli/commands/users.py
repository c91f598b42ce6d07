"""`locution users`: invite and manage the people of a tenant."""

from __future__ import annotations

import argparse
import json

from locution.v1 import administration_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.cli.output import UsageError
from locution_client.client import Client

STATES = naming.words(pb.User.State.items(), "STATE_")


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("users", help="invite and manage the people of a tenant")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    naming.action(actions, "list", _list, "list the users")
    naming.action(actions, "invitations", _invitations, "list the open invitations")
    invite = naming.action(actions, "invite", _invite, "invite somebody and print the token, this once")
    invite.add_argument("email", metavar="EMAIL", help="whom")
    invite.add_argument("--role", choices=naming.ROLES, default="member", help="what the user may do (member)")
    invite.add_argument("--ttl", type=naming.period, metavar="TIME", help="how long it is good (7d)")
    uninvite = naming.action(actions, "uninvite", _uninvite, "take an invitation back")
    uninvite.add_argument("name", type=naming.below("invitations"), metavar="INVITATION", help="its name or ID")
    change = _on_one(actions, "set", _set, "change a user")
    change.add_argument("--role", choices=naming.ROLES, help="what the user may do")
    change.add_argument("--label", metavar="TEXT", help="name for people")
    switch = change.add_mutually_exclusive_group()
    switch.add_argument("--enable", dest="state", action="store_const", const="active", help="let the user in")
    switch.add_argument("--disable", dest="state", action="store_const", const="disabled", help="refuse the user")
    _on_one(actions, "reset-password", _reset, "set a user's password; it is asked for, or read from standard input")
    _on_one(actions, "delete", _delete, "delete a user with sessions, keys and preferences")
    password = actions.add_parser("change-password", help="change your own password; both are asked for, or read")
    arguments.add_json(password)
    password.set_defaults(run=_change_password)


def _on_one(actions: arguments.Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    action = naming.action(actions, name, run, text)
    action.add_argument("name", type=naming.below("users"), metavar="USER", help="its name or ID")
    return action


async def _list(client: Client, options: argparse.Namespace) -> int:
    users = await client.administration.users(await naming.chosen(client, options))
    header = ("USER", "EMAIL", "ROLE", "STATE", "LAST LOGIN", "LABEL")
    print(show.as_json(users) if options.json else show.table(header, [_row(user) for user in users]))
    return exit_codes.OK


async def _invitations(client: Client, options: argparse.Namespace) -> int:
    found = await client.administration.invitations(await naming.chosen(client, options))
    rows = [
        (each.name, each.email, naming.word(naming.ROLES, each.role), naming.when(each, "expire_time"))
        for each in found
    ]
    print(show.as_json(found) if options.json else show.table(("INVITATION", "EMAIL", "ROLE", "UNTIL"), rows))
    return exit_codes.OK


async def _invite(client: Client, options: argparse.Namespace) -> int:
    wanted = pb.Invitation(email=options.email)
    wanted.role = naming.ROLES[options.role]  # type: ignore[assignment]
    issued = await client.administration.invite(await naming.chosen(client, options), wanted, options.ttl)
    made = issued.invitation
    lines = [("invitation", made.name), ("email", made.email), ("until", naming.when(made, "expire_time"))]
    naming.one(issued, [*lines, ("token", issued.token)], as_json=options.json)
    return exit_codes.OK


async def _uninvite(client: Client, options: argparse.Namespace) -> int:
    name = await naming.named(client, options, "invitations", options.name)
    await client.administration.delete_invitation(name)
    return _done(name, "is taken back", options)


async def _set(client: Client, options: argparse.Namespace) -> int:
    wanted: dict[str, object] = {
        "role": naming.ROLES.get(options.role or ""),
        "display_name": options.label,
        "state": STATES.get(options.state or ""),
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change: give --role, --label, --enable or --disable")
    name = await naming.named(client, options, "users", options.name)
    user = await client.administration.update_user(pb.User(name=name, **fields), fields)  # type: ignore[arg-type]
    header = ("user", "email", "role", "state", "last login", "label")
    naming.one(user, list(zip(header, _row(user), strict=True)), as_json=options.json)
    return exit_codes.OK


async def _reset(client: Client, options: argparse.Namespace) -> int:
    name = await naming.named(client, options, "users", options.name)
    await client.administration.reset_password(name, naming.new_password("The user's new password: "))
    return _done(name, "has a new password; all sessions are over", options)


async def _delete(client: Client, options: argparse.Namespace) -> int:
    name = await naming.named(client, options, "users", options.name)
    await client.administration.delete_user(name)
    return _done(name, "is deleted", options)


async def _change_password(client: Client, options: argparse.Namespace) -> int:
    old = naming.secret("Password now: ")
    await client.accounts.change_password(old, naming.new_password("New password: "))
    caller = await client.accounts.caller()
    return _done(caller.user or caller.subject, "has a new password; the other sessions are over", options)


def _done(name: str, text: str, options: argparse.Namespace) -> int:
    print(json.dumps({"name": name}) if options.json else f"{name} {text}")
    return exit_codes.OK


def _row(user: pb.User) -> tuple[str, ...]:
    role, state = naming.word(naming.ROLES, user.role), naming.word(STATES, user.state)
    return (user.name, user.email, role, state, naming.when(user, "last_login_time"), user.display_name)
