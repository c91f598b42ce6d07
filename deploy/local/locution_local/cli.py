"""The program's commands, one module each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from locution_local.commands import clean, down, logs, models, role, status, trace, up
from locution_local.errors import StackError
from locution_local.folder import state_folder

COMMANDS = (up, down, status, logs, role, models, trace, clean)

EPILOG = """\
environment:
  LOCUTION_STATE         state folder (.locution in the checkout)
  LOCUTION_PORT          port of the gateway on 127.0.0.1 (50051, or a free one where that is taken)
  LOCUTION_ASR_REPLICAS  how many asr processes to run (1)
  LOCUTION_MODELS_ROOT   folder of the model sets (STATE/models)
Other LOCUTION_ and OTEL_ variables reach the services, where `up` does not set them itself.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 for a failure that was told, 130 when interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(state_folder(), arguments)
    except StackError as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stack: interrupted; what was started goes on (`make down` ends it)", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stack",
        description="Run the whole of Locution on this machine, on loopback.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.configure(commands)
    return parser
