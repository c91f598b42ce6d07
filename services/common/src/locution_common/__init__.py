"""Infrastructure that all Locution services share. It holds no domain noun and imports no service."""
