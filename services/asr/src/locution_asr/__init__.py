"""Speech recognition: one batch for all streams."""

from locution_speech.engine.environment import prepare_environment

prepare_environment()
