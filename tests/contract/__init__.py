"""Tests of what Locution promises in its protos."""
