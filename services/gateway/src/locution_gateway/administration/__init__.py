"""What administrators and operators manage: tenants, users, invitations, issuers, quotas."""
