"""Start the whole stack, transcribe a recording with speakers, and leave it idle: `idle SECONDS FILE`."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.bench.installation import installation


def main() -> int:
    """Return the exit status of the transcription."""
    seconds, recording = float(sys.argv[1]), sys.argv[2]
    with installation() as stack:
        command = [sys.executable, "-m", "locution_client", "transcribe", recording]
        done = subprocess.run(command, env={**os.environ, **stack.client_settings()}, check=False)
        time.sleep(seconds)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
