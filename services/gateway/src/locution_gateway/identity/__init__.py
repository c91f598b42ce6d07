"""Authentication: keys, sessions, OIDC, and the permissions of roles."""
