"""The registry's adapters: Postgres and the folders below the models root."""
