"""Hold the use cases; nothing here knows gRPC or CTranslate2."""
