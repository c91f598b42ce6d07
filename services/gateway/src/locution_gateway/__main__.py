"""Run one process of the gateway: `python -m locution_gateway api|worker|migrate|await-schema|selftest [--help]`."""

from __future__ import annotations

import sys

from locution_gateway.commands import main

if __name__ == "__main__":
    main(sys.argv[1:])
