"""Fuzz all parsers, each for a while in a process of its own (`make fuzz`)."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from pathlib import Path


def targets() -> list[str]:
    """Return the public functions of targets.py, read without importing it: the import instruments."""
    tree = ast.parse(Path(__file__).with_name("targets.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if not name.startswith("_") and name != "fuzz"]


def main() -> int:
    """Run the named targets, or all; print the number of inputs of each, and what a finding says."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets())} (default: all)")
    parser.add_argument("--seconds", type=int, default=30, help="time of each target (default: 30)")
    asked = parser.parse_args()
    failed = False
    for name in asked.targets or targets():
        command = [sys.executable, "-m", "tests.hostile.fuzz.targets", name, str(asked.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
        print(f"{name:20} {runs:>10} inputs, {'passed' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode:
            failed = True
            print(done.stdout[-3000:], done.stderr[-3000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
