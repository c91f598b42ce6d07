"""Background work without a caller: expiry, deletion, verification."""
