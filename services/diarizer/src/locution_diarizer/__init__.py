"""Locution's diarizer: who spoke when, from PCM, with local pyannote models."""

from locution_speech.engine.quiet import report_to_nobody

report_to_nobody()
