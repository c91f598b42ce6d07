"""Turns functions into commands: argparse reads their arguments, and they run with a connected client."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from locution_client.cli import exit_codes, show
from locution_client.cli.arguments import Argument
from locution_client.cli.identity import connected
from locution_client.cli.output import UsageError
from locution_client.errors import ApiError
from locution_client.settings import NotConfigured

Run: TypeAlias = Callable[..., Coroutine[Any, Any, int | None]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: a coroutine function of a client and of its arguments by name; its docstring is the help text.

    It returns the exit status, or None for OK. A tuple holds arguments that exclude each other. An anonymous command
    connects without a key and without a session.
    """

    run: Run
    arguments: tuple[Argument | tuple[Argument, ...], ...]
    anonymous: bool = False

    def add_to(self, commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> None:
        """Add the command to a group."""
        text = self.run.__doc__ or ""
        parser = commands.add_parser(name, help=text.partition("\n")[0], description=text, epilog=exit_codes.HELP)
        for each in self.arguments:
            group = parser.add_mutually_exclusive_group() if isinstance(each, tuple) else parser
            for argument in each if isinstance(each, tuple) else (each,):
                group.add_argument(*argument.flags, **argument.settings)
        parser.set_defaults(verb=self)

    def __call__(self, options: argparse.Namespace) -> int:
        """Run the command and return its exit status."""
        try:
            return asyncio.run(self._connected(vars(options)))
        except (NotConfigured, UsageError, argparse.ArgumentTypeError) as error:
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
        except OSError as error:
            show.failure(error, str(error.filename or ""))
            return exit_codes.of(error)

    async def _connected(self, given: dict[str, Any]) -> int:
        address, _ = given.pop("address"), given.pop("verb")
        async with connected(address, anonymous=self.anonymous) as client:
            return await self.run(client, **given) or exit_codes.OK


def verb(*arguments: Argument | tuple[Argument, ...], anonymous: bool = False) -> Callable[[Run], Verb]:
    """Make a command of a function."""
    return lambda run: Verb(run, arguments, anonymous)


class Commands:
    """A group of commands."""

    def __init__(self, about: str, **commands: Verb | Commands) -> None:
        """Describe the group in its help."""
        self._about = about
        self._commands = commands

    def verb(self, name: str, *arguments: Argument | tuple[Argument, ...]) -> Callable[[Run], Verb]:
        """Add a command."""

        def add(run: Run) -> Verb:
            self._commands[name] = made = Verb(run, arguments)
            return made

        return add

    def add_to(self, commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> None:
        """Add the group to another one."""
        self.fill(commands.add_parser(name, help=self._about, description=self._about))

    def fill(self, parser: argparse.ArgumentParser) -> None:
        """Add the commands to a parser."""
        below = parser.add_subparsers(metavar="COMMAND", required=True)
        for name, command in self._commands.items():
            command.add_to(below, name)
