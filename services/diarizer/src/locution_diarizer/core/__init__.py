"""The diarizer's use cases, one per file."""
