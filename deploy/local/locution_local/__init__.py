"""All of Locution as processes on one machine, for development, demonstrations and tests."""
