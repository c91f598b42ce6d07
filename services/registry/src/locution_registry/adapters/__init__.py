"""What the registry stands on: Postgres and the folders below the models root."""
