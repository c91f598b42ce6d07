"""`locution whoami`: say as whom the server knows the caller."""

from __future__ import annotations

import argparse

from locution.v1.account_service_pb2 import Caller

from locution_client.cli import arguments, exit_codes, naming
from locution_client.client import Client

CREDENTIALS = naming.words(Caller.Credential.items(), "CREDENTIAL_")


def configure(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("whoami", help="say as whom the server knows you")
    arguments.add_json(parser)
    parser.set_defaults(run=run)


async def run(client: Client, options: argparse.Namespace) -> int:
    """Print the caller."""
    caller = await client.accounts.caller()
    scopes = ", ".join(naming.word(naming.SCOPES, scope) for scope in caller.scopes)
    lines = [
        ("subject", caller.subject),
        ("tenant", caller.tenant),
        ("role", naming.word(naming.ROLES, caller.role)),
        ("scopes", scopes or "all that the role allows"),
        ("known by", naming.word(CREDENTIALS, caller.credential)),
    ]
    lines += [(name, getattr(caller, name)) for name in ("user", "email") if caller.HasField(name)]
    naming.one(caller, lines, as_json=options.json)
    return exit_codes.OK
