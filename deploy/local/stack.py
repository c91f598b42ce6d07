#!/usr/bin/env python
"""Run the local stack: `stack.py up`, `down`, `status`, `logs`, `models`, `trace`; see --help."""

from locution_local.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
