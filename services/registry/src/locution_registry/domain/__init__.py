"""The registry's domain: models, their rules, and its ports."""
