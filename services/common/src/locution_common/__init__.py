"""What every Locution service does alike; it holds no domain noun and imports no service."""
