"""`locution login`: begin a session with a password, or take the place that an invitation holds."""

from __future__ import annotations

import argparse

from locution.v1.account_service_pb2 import Session

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.cli.output import UsageError
from locution_client.client import Client
from locution_client.sessions import SessionFile, stored
from locution_client.settings import session_file


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    text = "begin a session; the password is asked for, or read from standard input"
    parser = commands.add_parser("login", help=text)
    parser.add_argument("email", nargs="?", default="", metavar="EMAIL", help="with which the user registered")
    parser.add_argument(
        "--tenant", type=naming.tenant, default="tenants/default", metavar="TENANT", help="the user's tenant (default)"
    )
    parser.add_argument("--register", action="store_true", help="register first, where the server is open to anybody")
    parser.add_argument("--invitation", default="", metavar="TOKEN", help="register with an invitation, loi_...")
    parser.add_argument("--label", default="", metavar="TEXT", help="name for people, when registering")
    arguments.add_json(parser)
    parser.set_defaults(run=run, anonymous=True)


async def run(client: Client, options: argparse.Namespace) -> int:
    """Begin the session and keep it."""
    session = await _begin(client, options)
    file = SessionFile(session_file())
    file.write(stored(options.address, session))
    shown = Session(user=session.user, refresh_expire_time=session.refresh_expire_time)
    lines = [
        ("user", session.user),
        ("until", naming.when(session, "refresh_expire_time")),
        ("kept in", str(file.path)),
    ]
    naming.one(shown, lines, as_json=options.json)
    return exit_codes.OK


async def _begin(client: Client, options: argparse.Namespace) -> Session:
    if options.invitation or options.register:
        password = naming.new_password("New password: ")
        return await client.accounts.register(options.invitation, options.email, password, options.label)
    if not options.email:
        raise UsageError("give the e-mail address of the user")
    show.note(f"locution: logging in to {options.address}")
    return await client.accounts.login(
        options.tenant.removeprefix("tenants/"), options.email, naming.secret("Password: ")
    )
