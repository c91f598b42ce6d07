"""Measure whether a model's FAST mode is as accurate as its ACCURATE mode: an operator's command."""
