"""The rows of `python -m tests.bench.engines`, by what they measure."""
