"""Find out whether a model's FAST mode reads as well as its ACCURATE one: an operator's command, not the service."""
