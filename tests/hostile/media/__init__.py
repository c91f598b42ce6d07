"""Media files bent by their own structure, decoded by the real child in thousands."""
