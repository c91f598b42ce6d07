"""Tests of what the documentation tells people to do."""
