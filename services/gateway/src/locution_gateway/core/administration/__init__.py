"""Tenants and what belongs to them."""
