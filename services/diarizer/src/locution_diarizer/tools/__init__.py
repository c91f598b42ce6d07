"""Commands for whoever installs weights."""
