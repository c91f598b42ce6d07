"""The `locution` command line: one module per command."""
