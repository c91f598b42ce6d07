"""`locution logout`: end the session and forget it."""

from __future__ import annotations

import argparse
import json

from locution_client.cli import arguments, exit_codes, show
from locution_client.cli.identity import renew
from locution_client.cli.output import UsageError
from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.sessions import SessionFile
from locution_client.settings import session_file


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("logout", help="end the session and forget it")
    parser.add_argument("--everywhere", action="store_true", help="end all sessions of the user")
    arguments.add_json(parser)
    parser.set_defaults(run=run, anonymous=True)


async def run(client: Client, options: argparse.Namespace) -> int:
    """End the session at the server; forget it here even where the server knows it no longer."""
    file = SessionFile(session_file())
    session = file.read(options.address)
    if session is None:
        raise UsageError(f"there is no session at {options.address}")
    try:
        client.show((await renew(client, file, session)).access_token)
        await client.accounts.logout(everywhere=options.everywhere)
    except ApiError as error:
        if error.code != "UNAUTHENTICATED":
            raise
        show.note("locution: the session was over already")
    file.remove()
    print(json.dumps({"user": session.user}) if options.json else f"{session.user} is logged out")
    return exit_codes.OK
