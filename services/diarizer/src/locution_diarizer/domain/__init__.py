"""What the diarizer knows, free of any framework."""
