"""`start`, `restart`, `kill`: change one process, as fault tests and developers do."""

from __future__ import annotations

import argparse
import signal
import time

from locution_local import lifecycle, ports, processes
from locution_local.commands import Commands
from locution_local.errors import StackError
from locution_local.folder import StateFolder
from locution_local.roles import Role
from locution_local.stack import Stack, open_stack

SIGNALS = ("KILL", "TERM", "INT", "STOP", "CONT", "HUP")


def configure(commands: Commands) -> None:
    """Add the three commands."""
    for name, action, text in (
        ("start", _start, "start one process"),
        ("restart", _restart, "stop one process gracefully and start it again"),
        ("kill", _kill, "send a signal to one process"),
    ):
        parser = commands.add_parser(name, help=text)
        parser.add_argument("name", metavar="NAME", help="process name, as `status` shows it")
        parser.set_defaults(run=run, action=action)
        if action is _kill:
            parser.add_argument("--signal", choices=SIGNALS, default="KILL", help="signal (default: KILL)")
        else:
            parser.add_argument("--no-wait", action="store_true", help="do not wait until it is well")
            parser.add_argument(
                "--timeout", type=float, default=180.0, metavar="S", help="seconds to wait (default: 180)"
            )


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Apply the action to the named process."""
    if not folder.state.exists():
        raise StackError(f"no stack in {folder.root}; create one with `make up`")
    with folder.locked(), ports.turn() as allowed:
        stack = open_stack(folder, allowed)
        arguments.action(stack, stack.role(arguments.name), arguments)
    return 0


def _start(stack: Stack, role: Role, arguments: argparse.Namespace) -> None:
    began = time.monotonic()
    lifecycle.ensure(stack, role)
    if not arguments.no_wait:
        lifecycle.wait_well(stack, [role], [role], timeout=arguments.timeout, say=print, began=began)


def _restart(stack: Stack, role: Role, arguments: argparse.Namespace) -> None:
    lifecycle.stop(stack, [role])
    _start(stack, role, arguments)


def _kill(stack: Stack, role: Role, arguments: argparse.Namespace) -> None:
    process = stack.process(role)
    if process is None:
        raise StackError(f"{role.name} is not running")
    number = signal.Signals[f"SIG{arguments.signal}"]
    processes.send(process, number)
    if number is signal.SIGKILL:
        processes.finish(process, processes.KILL_WAIT)
    print(f"  {role.name:<10} sent {number.name} to process {process.pid}")
