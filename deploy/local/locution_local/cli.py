"""The program's commands, one module each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from locution_local.commands import clean, down, environments, logs, models, role, status, up
from locution_local.errors import StackError
from locution_local.folder import state_folder

COMMANDS = (up, down, status, logs, role, models, environments, clean)

EPILOG = """\
environment:
  LOCUTION_STATE         state folder (default: .locution in the checkout)
  LOCUTION_PORT          port of the gateway on 127.0.0.1 (default: 50051, or a free port when 50051 is taken)
  LOCUTION_ASR_REPLICAS  number of asr processes (default: 1)
  LOCUTION_MODELS_ROOT   folder of your own model sets (default: `models` in the state folder)
  LOCUTION_ENVIRONMENTS  folder of one environment a service, made from its lock (default: all run in this one)
The services receive all other LOCUTION_ and OTEL_ variables that `up` does not set itself.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after a reported failure, or 130 if interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(state_folder(), arguments)
    except StackError as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stack: interrupted; started processes keep running (`make down` stops them)", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stack",
        description="Run all of Locution on this machine, on loopback.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.configure(commands)
    return parser
