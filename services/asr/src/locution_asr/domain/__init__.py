"""The domain: windows, requests, errors and ports."""
