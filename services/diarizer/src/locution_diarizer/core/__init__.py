"""The diarizer's use cases, one a file."""
