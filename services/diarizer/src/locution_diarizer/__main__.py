"""Run the diarizer: `python -m locution_diarizer [--help] [--check-settings]`."""

from __future__ import annotations

import sys

from locution_common import service
from locution_common.settings import load

from locution_diarizer import app
from locution_diarizer.settings import DiarizerSettings

if __name__ == "__main__":
    service.main(load(DiarizerSettings, sys.argv[1:], program="locution_diarizer"), app.start, name=app.NAME)
