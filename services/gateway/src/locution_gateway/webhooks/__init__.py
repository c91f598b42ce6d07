"""Webhooks: receivers, signatures, ordered deliveries."""
