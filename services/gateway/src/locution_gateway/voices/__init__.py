"""Enrolled voices, which name speakers."""
