"""What may be done with transcripts."""
