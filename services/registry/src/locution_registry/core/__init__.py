"""The registry's use cases, one per file."""
