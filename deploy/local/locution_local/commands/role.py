"""`start`, `restart`, `kill`: change one process, as fault tests and developers do."""

from __future__ import annotations

import argparse
import signal
import time

from locution_local import lifecycle, ports, processes, state
from locution_local.commands import Commands
from locution_local.errors import StackError
from locution_local.folder import StateFolder
from locution_local.roles import Role
from locution_local.stack import Stack, open_stack, read_stack

SIGNALS = ("KILL", "TERM", "INT", "STOP", "CONT", "HUP")


def configure(commands: Commands) -> None:
    """Add the three commands."""
    for name, action, text in (
        ("start", _start, "start one process"),
        ("restart", _restart, "stop one process gracefully and start it again"),
    ):
        parser = _parser(commands, name, text)
        parser.set_defaults(run=run, action=action)
        parser.add_argument("--no-wait", action="store_true", help="do not wait until it is well")
        parser.add_argument("--timeout", type=float, default=180.0, metavar="S", help="seconds to wait (default: 180)")
    parser = _parser(commands, "kill", "send a signal to one process")
    parser.set_defaults(run=kill)
    parser.add_argument("--signal", choices=SIGNALS, default="KILL", help="signal (default: KILL)")


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Start or restart the named process."""
    if not folder.state.exists():
        raise _absent(folder)
    with folder.locked(), ports.turn(state.load(folder).ports) as allowed:
        stack = open_stack(folder, allowed)
        arguments.action(stack, stack.role(arguments.name), arguments)
    return 0


def kill(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Send a signal to the named process. It starts none, so it reserves no ports."""
    if not folder.state.exists():
        raise _absent(folder)
    with folder.locked():
        stack = read_stack(folder)
        if stack is None:
            raise _absent(folder)
        _kill(stack, stack.role(arguments.name), arguments)
    return 0


def _parser(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument("name", metavar="NAME", help="process name, as `status` shows it")
    return parser


def _absent(folder: StateFolder) -> StackError:
    return StackError(f"no stack in {folder.root}; create one with `make up`")


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
