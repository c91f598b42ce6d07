"""Enrolled voices, by which speakers are named."""
