"""Adapters to CTranslate2, ONNX Runtime and the registry."""
