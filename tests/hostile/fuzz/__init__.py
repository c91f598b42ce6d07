"""Fuzzing of our own parsers, guided by coverage."""
