"""Recordings as clients send them: resumable, verified, kept once."""
