"""Infrastructure that every Locution service shares. It holds no domain noun and imports no service."""
