"""The resources of administrators and operators: tenants, users, invitations, issuers, quotas."""
