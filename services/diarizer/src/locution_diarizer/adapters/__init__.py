"""Adapters: models, stores and clients behind the diarizer's ports."""
