"""Who calls: keys, sessions, OIDC, and what a role may do."""
