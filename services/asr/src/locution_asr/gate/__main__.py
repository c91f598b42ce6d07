"""Run the gate: `python -m locution_asr.gate`."""

from __future__ import annotations

from locution_asr.gate.command import main

if __name__ == "__main__":
    main()
