"""The use cases; no module here imports gRPC or CTranslate2."""
