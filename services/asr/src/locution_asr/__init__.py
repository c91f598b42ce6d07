"""Recognise speech: one batch for every stream."""
