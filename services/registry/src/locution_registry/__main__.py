"""Run the registry: `python -m locution_registry [serve|migrate|await-schema|load] [--help|--check-settings]`."""

from __future__ import annotations

import sys

from .commands import main

if __name__ == "__main__":
    main(sys.argv[1:])
