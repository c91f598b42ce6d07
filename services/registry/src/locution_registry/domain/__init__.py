"""What the registry speaks about: models, their rules, and the ports it needs."""
