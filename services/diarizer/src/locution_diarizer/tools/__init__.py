"""Commands for people who install models."""
