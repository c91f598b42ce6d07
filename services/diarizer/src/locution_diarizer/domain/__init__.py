"""The diarizer's domain, free of any framework."""
