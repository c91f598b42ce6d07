"""Recordings as clients send them: resumable, verified, stored once."""
