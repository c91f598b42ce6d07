"""Identity and limits in Postgres, one store per resource."""
