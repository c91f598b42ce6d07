"""Locution's diarizer: who spoke when, from PCM, with local pyannote models."""

from locution_speech.engine.environment import prepare_environment

prepare_environment()
