"""Jobs, their stages and their events."""
