"""`locution login|logout|whoami`: the caller's session and identity."""

from __future__ import annotations

from json import dumps

from locution.v1.account_service_pb2 import Caller, Session

from locution_client.cli import naming, show
from locution_client.cli.app import verb
from locution_client.cli.arguments import JSON, LABEL, argument, switch, tenant_name
from locution_client.cli.identity import renew
from locution_client.cli.output import UsageError
from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.sessions import SessionFile, stored
from locution_client.settings import session_file

CREDENTIALS = naming.words(Caller.Credential.items(), "CREDENTIAL_")


@verb(
    argument("email", nargs="?", default="", metavar="EMAIL", help="e-mail address of the user"),
    argument(
        "--tenant", type=tenant_name, default="default", metavar="TENANT", help="tenant of the user (default: default)"
    ),
    switch("--register", "register first, where registration is open"),
    argument("--invitation", default="", metavar="TOKEN", help="register with an invitation: loi_..."),
    LABEL,
    JSON,
    anonymous=True,
)
async def login(
    client: Client, email: str, tenant: str, register: bool, invitation: str, label: str | None, json: bool
) -> None:
    """Start a session. Prompts for the password, or reads it from standard input."""
    if invitation or register:
        password = naming.new_password("New password: ")
        session = await client.accounts.register(invitation, email, password, label or "")
    elif email:
        show.note(f"locution: logging in to {client.address}")
        session = await client.accounts.login(tenant.removeprefix("tenants/"), email, naming.secret("Password: "))
    else:
        raise UsageError("EMAIL is missing")
    file = SessionFile(session_file())
    file.write(stored(client.address, session))
    shown = Session(user=session.user, refresh_expire_time=session.refresh_expire_time)
    until = show.when(session, "refresh_expire_time")
    show.one(shown, [("user", session.user), ("until", until), ("kept in", str(file.path))], json=json)


@verb(switch("--everywhere", "end all sessions of the user"), JSON, anonymous=True)
async def logout(client: Client, everywhere: bool, json: bool) -> None:
    """End the session and delete it from this machine."""
    file = SessionFile(session_file())
    session = file.read(client.address)
    if session is None:
        raise UsageError(f"no session for {client.address}")
    try:
        client.show((await renew(client, file, session)).access_token)
        await client.accounts.logout(everywhere=everywhere)
    except ApiError as error:
        if error.code != "UNAUTHENTICATED":
            raise
        show.note("locution: the session had already ended")
    file.remove()
    print(dumps({"user": session.user}) if json else f"{session.user} is logged out")


@verb(JSON)
async def whoami(client: Client, json: bool) -> None:
    """Show the identity that the server sees."""
    caller = await client.accounts.caller()
    scopes = ", ".join(naming.word(naming.SCOPES, scope) for scope in caller.scopes)
    lines = [
        ("subject", caller.subject),
        ("tenant", caller.tenant),
        ("role", naming.word(naming.ROLES, caller.role)),
        ("scopes", scopes or "all that the role allows"),
        ("credential", naming.word(CREDENTIALS, caller.credential)),
    ]
    lines += [(name, getattr(caller, name)) for name in ("user", "email") if caller.HasField(name)]
    show.one(caller, lines, json=json)
