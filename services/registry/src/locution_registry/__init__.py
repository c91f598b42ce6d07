"""The registry: which models exist, where they lie, what they can do and whether they may be used."""
