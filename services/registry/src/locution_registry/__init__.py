"""The registry: which models exist, where they are, what they can do and whether they are usable."""
