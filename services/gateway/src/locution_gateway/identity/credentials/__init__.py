"""Passwords, session tokens and OIDC tokens, computed by libraries."""
