"""Nothing of ours looks up or connects to a host that it was not told to."""
