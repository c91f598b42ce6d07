"""Locution's diarizer: who spoke when, over PCM and local pyannote models."""
