"""Passwords, session tokens and OIDC tokens: what other libraries compute for identity."""
