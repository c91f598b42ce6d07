"""Commands for whoever installs models."""
