"""Quotas in Postgres."""
