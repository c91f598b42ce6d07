"""Clients of the engines: locution.engine.v1 over gRPC."""
