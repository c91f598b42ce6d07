"""Run the asr service: `python -m locution_asr`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Read the settings and serve until SIGTERM or SIGINT."""
    # The decoder's workers use all cores, so linear algebra must not start threads of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from locution_asr.adapters.allocation import keep_freed_memory

    keep_freed_memory()

    from locution_common import service, settings

    from locution_asr.app import NAME, start
    from locution_asr.settings import AsrSettings

    service.main(settings.load(AsrSettings, sys.argv[1:], program="locution_asr"), start, name=NAME)


if __name__ == "__main__":
    main()
