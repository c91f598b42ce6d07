"""`trace`: print the last job's spans as a tree with times."""

from __future__ import annotations

import argparse

from locution_local import tracing
from locution_local.commands import Commands
from locution_local.errors import StackError
from locution_local.folder import StateFolder


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("trace", help="print the last job's spans as a tree with times")
    parser.add_argument("id", nargs="?", metavar="ID", help="a trace id or its beginning (the last job's trace)")
    parser.add_argument("--list", action="store_true", help="list the traces, newest last")
    parser.add_argument("--full", action="store_true", help="show every span, repeats too")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Print one trace, or the list of them."""
    if not folder.trace.exists():
        raise StackError(f"no spans yet: {folder.trace} does not exist; transcribe something first")
    traces = tracing.group(tracing.read(folder.trace))
    if arguments.list:
        for trace in traces:
            print(tracing.headline(trace))
        return 0
    chosen = tracing.choose(traces, arguments.id)
    if chosen is None:
        raise StackError("no such trace" if arguments.id else "no job's trace yet; transcribe something first")
    print("\n".join([tracing.headline(chosen), *tracing.tree(chosen, full=arguments.full)]))
    return 0
