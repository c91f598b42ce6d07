"""What has to be done without a caller: expiry, deletion, verification."""
