"""The `locution` command line: one module a command."""
