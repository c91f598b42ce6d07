"""Say what the service talks about: spans, windows, segments, errors and ports."""
