"""Qualify a model: `python -m locution_asr.qualification`."""

from __future__ import annotations

from locution_asr.qualification.command import main

if __name__ == "__main__":
    main()
