"""`up`: start the processes that are not running, and wait until all are healthy."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from locution_local import environments, lifecycle, model_files, ports, state
from locution_local.commands import Commands
from locution_local.folder import StateFolder
from locution_local.lifecycle import Say
from locution_local.postgres import OWNERS
from locution_local.registration import register_installed
from locution_local.roles import STORES, Role
from locution_local.stack import Stack, open_stack


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("up", help="start every process that does not run, and wait until all are well")
    parser.add_argument(
        "--timeout",
        type=float,
        default=180.0,
        metavar="S",
        help="seconds that a group of processes may take (default: 180)",
    )
    parser.add_argument("--no-models", action="store_true", help="do not install the development models")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Start the stack; return 0 if every process is healthy."""
    began = time.monotonic()
    with folder.locked(), ports.turn(state.load(folder).ports) as allowed:
        stack = open_stack(folder, allowed)
        print(f"state folder: {folder.root}", flush=True)
        if not arguments.no_models and stack.wiring.models == folder.models:
            model_files.install(stack.wiring.models, folder.scratch, _say)
        for service in environments.make():
            _say(f"  {service:<24} environment made")
        bring_up(stack, timeout=arguments.timeout, say=_say)
        print(f"up after {time.monotonic() - began:.1f} s; gateway on {stack.wiring.address('gateway')}")
    return 0


def bring_up(stack: Stack, *, timeout: float, say: Say) -> None:
    """Start the waves in order, each when the previous one is healthy."""
    lifecycle.stop_strangers(stack)
    for wave in lifecycle.waves(stack.roles):
        _start_wave(stack, wave, timeout=timeout, say=say)
        if wave[0].wave == STORES:
            _prepare_database(stack)


def _start_wave(stack: Stack, wave: Sequence[Role], *, timeout: float, say: Say) -> None:
    began = time.monotonic()
    for role in wave:
        lifecycle.ensure(stack, role)
    first = [role for role in wave if role.name == "gateway"]
    rest = [role for role in wave if role.name != "gateway"]
    if first:
        lifecycle.wait_well(stack, first, wave, timeout=timeout, say=say, began=began)
        stack.write_client_env()
        register_installed(stack, say)
    lifecycle.wait_well(stack, rest, wave, timeout=timeout, say=say, began=began)


def _prepare_database(stack: Stack) -> None:
    stack.postgres.prepare()
    lifecycle.migrate(stack, [owner for owner in OWNERS if not stack.process(stack.role(owner))])


def _say(line: str) -> None:
    print(line, flush=True)
