"""How much may be used."""
