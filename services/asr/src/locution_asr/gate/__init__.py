"""Find out whether a weight's FAST mode reads as well as its ACCURATE one: an operator's command, not the service."""
