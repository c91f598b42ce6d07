"""The `locution` command."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from locution_client.cli import exit_codes, show
from locution_client.cli.commands import (
    jobs,
    keys,
    live,
    login,
    logout,
    models,
    quotas,
    settings,
    tenants,
    transcribe,
    upload,
    usage,
    users,
    voices,
    webhooks,
    whoami,
)
from locution_client.cli.identity import connected
from locution_client.cli.output import UsageError
from locution_client.errors import ApiError
from locution_client.settings import NotConfigured

COMMANDS = (
    *(transcribe, live, upload, jobs, models, voices, webhooks),
    *(login, logout, whoami, users, keys, usage, quotas, tenants, settings),
)

DESCRIPTION = """\
Transcribe recordings with a Locution server. The server and the key are taken from LOCUTION_ADDRESS (host:port, or
https://host) and LOCUTION_API_KEY, else from .locution/client.env here or in a folder above. A session that `locution
login` began goes before the key of that file.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(argv)
    try:
        return asyncio.run(_run(options))
    except (NotConfigured, UsageError) as error:
        show.note(f"locution: {error}")
        return exit_codes.USAGE
    except ApiError as error:
        show.failure(error)
        return exit_codes.of(error)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK


async def _run(options: argparse.Namespace) -> int:
    async with connected(options) as client:
        code: int = await options.run(client, options)
        return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="locution", description=DESCRIPTION, epilog=exit_codes.HELP)
    parser.add_argument("--address", metavar="HOST:PORT", help="server, instead of LOCUTION_ADDRESS")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.configure(commands)
    return parser
