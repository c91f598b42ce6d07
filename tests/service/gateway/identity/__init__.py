"""Identity and limits of the real api."""
