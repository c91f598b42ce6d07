"""The server's description of itself."""
