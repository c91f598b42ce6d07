"""The `locution` command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from locution_client.cli import exit_codes
from locution_client.cli.app import Commands, Verb
from locution_client.cli.commands import (
    account,
    jobs,
    keys,
    live,
    models,
    quotas,
    settings,
    tenants,
    transcribe,
    upload,
    users,
    voices,
    webhooks,
)

DESCRIPTION = """\
Transcribe recordings with a Locution server. The server address comes from LOCUTION_ADDRESS (host:port or https://host)
and the API key from LOCUTION_API_KEY. Without these variables, both come from .locution/client.env in this folder or in
a parent folder. A session that `locution login` started takes precedence over the key in that file.
"""

COMMANDS = Commands(
    DESCRIPTION,
    transcribe=transcribe.transcribe,
    live=live.live,
    upload=upload.upload,
    jobs=jobs.app,
    models=models.app,
    voices=voices.app,
    webhooks=webhooks.app,
    login=account.login,
    logout=account.logout,
    whoami=account.whoami,
    users=users.app,
    keys=keys.app,
    usage=quotas.usage,
    quotas=quotas.app,
    tenants=tenants.app,
    settings=settings.app,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(argv)
    run: Verb = options.verb
    return run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="locution", description=DESCRIPTION, epilog=exit_codes.HELP)
    parser.add_argument("--address", metavar="HOST:PORT", help="server address; overrides LOCUTION_ADDRESS")
    COMMANDS.fill(parser)
    return parser
