"""Benches: figures, not tests. Each is a program that prints one table; docs/benchmarks.md says how they measure."""
