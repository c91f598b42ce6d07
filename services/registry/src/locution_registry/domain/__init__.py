"""What the registry speaks about: weights, their rules, and the ports it needs."""
