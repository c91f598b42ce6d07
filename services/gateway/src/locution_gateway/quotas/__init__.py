"""How much a tenant may use, and how often it may call."""
