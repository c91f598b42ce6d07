"""Identity and limits in Postgres, a store for each resource."""
