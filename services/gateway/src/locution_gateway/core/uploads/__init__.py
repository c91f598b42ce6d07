"""What may be done with uploads."""
