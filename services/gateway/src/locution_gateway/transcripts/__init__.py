"""Transcripts: read, listed, exported."""
