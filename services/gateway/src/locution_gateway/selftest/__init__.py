"""Checks of an installation from inside it, which `helm test` runs: health, a job, a live stream, tenants apart."""
