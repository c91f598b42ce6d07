"""`locution users`: invite and manage the people of a tenant."""

from __future__ import annotations

from datetime import timedelta

from locution.v1 import administration_service_pb2 as pb

from locution_client.cli import arguments, durations, naming, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import IN_TENANT, JSON, LABEL, argument, either, of_tenant, words
from locution_client.cli.output import UsageError
from locution_client.client import Client

STATES = naming.words(pb.User.State.items(), "STATE_")
HEADER = ("user", "email", "role", "state", "last login", "label")

USER = of_tenant("users", "USER")

app = Commands("Invite and manage the users of a tenant.")


@app.verb("list", IN_TENANT, JSON)
async def _list(client: Client, tenant: str | None, json: bool) -> None:
    """List the users."""
    users = await client.administration.users(await naming.chosen(client, tenant))
    show.listing(users, [name.upper() for name in HEADER], _row, json=json)


@app.verb("invitations", IN_TENANT, JSON)
async def _invitations(client: Client, tenant: str | None, json: bool) -> None:
    """List the open invitations."""
    found = await client.administration.invitations(await naming.chosen(client, tenant))
    show.listing(
        found,
        ("INVITATION", "EMAIL", "ROLE", "UNTIL"),
        lambda each: (each.name, each.email, naming.word(naming.ROLES, each.role), show.when(each, "expire_time")),
        json=json,
    )


@app.verb(
    "invite",
    argument("email", metavar="EMAIL", help="e-mail address of the new user"),
    words("--role", naming.ROLES, "role of the user (default: member)", default="member"),
    durations.option("--ttl", "lifetime of the invitation (default: 7d)", pb.CreateInvitationRequest, "ttl"),
    IN_TENANT,
    JSON,
)
async def _invite(client: Client, email: str, role: int, ttl: timedelta | None, tenant: str | None, json: bool) -> None:
    """Invite a user. Prints the invitation token; it is never shown again."""
    wanted = pb.Invitation(email=email)
    wanted.role = role  # type: ignore[assignment]
    issued = await client.administration.invite(await naming.chosen(client, tenant), wanted, ttl)
    made = issued.invitation
    lines = [("invitation", made.name), ("email", made.email), ("until", show.when(made, "expire_time"))]
    show.one(issued, [*lines, ("token", issued.token)], json=json)


@app.verb("uninvite", of_tenant("invitations", "INVITATION"), IN_TENANT, JSON)
async def _uninvite(client: Client, invitation: str, tenant: str | None, json: bool) -> None:
    """Withdraw an invitation."""
    name = await naming.named(client, tenant, "invitations", invitation)
    await client.administration.delete_invitation(name)
    show.named(name, "is withdrawn", json=json)


@app.verb(
    "set",
    USER,
    words("--role", naming.ROLES, "new role of the user"),
    LABEL,
    either("allow the user", "refuse the user"),
    IN_TENANT,
    JSON,
)
async def _set(
    client: Client, user: str, role: int | None, label: str | None, enable: bool | None, tenant: str | None, json: bool
) -> None:
    """Change a user."""
    wanted = {"role": role, "display_name": label, "state": arguments.state(STATES, enable)}
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change. Use --role, --label, --enable or --disable")
    name = await naming.named(client, tenant, "users", user)
    changed = await client.administration.update_user(pb.User(name=name, **fields), fields)  # type: ignore[arg-type]
    show.one(changed, list(zip(HEADER, _row(changed), strict=True)), json=json)


@app.verb("reset-password", USER, IN_TENANT, JSON)
async def _reset_password(client: Client, user: str, tenant: str | None, json: bool) -> None:
    """Set the password of a user. Prompts for it, or reads it from standard input."""
    name = await naming.named(client, tenant, "users", user)
    await client.administration.reset_password(name, naming.new_password("New password of the user: "))
    show.named(name, "has a new password; all its sessions have ended", json=json)


@app.verb("delete", USER, IN_TENANT, JSON)
async def _delete(client: Client, user: str, tenant: str | None, json: bool) -> None:
    """Delete a user with all sessions, keys and preferences."""
    name = await naming.named(client, tenant, "users", user)
    await client.administration.delete_user(name)
    show.named(name, "is deleted", json=json)


@app.verb("change-password", JSON)
async def _change_password(client: Client, json: bool) -> None:
    """Change your own password. Prompts for the old and the new one, or reads both from standard input."""
    old = naming.secret("Current password: ")
    await client.accounts.change_password(old, naming.new_password("New password: "))
    caller = await client.accounts.caller()
    show.named(caller.user or caller.subject, "has a new password; its other sessions have ended", json=json)


def _row(user: pb.User) -> tuple[str, ...]:
    role, state = naming.word(naming.ROLES, user.role), naming.word(STATES, user.state)
    return (user.name, user.email, role, state, show.when(user, "last_login_time"), user.display_name)
