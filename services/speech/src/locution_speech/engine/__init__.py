"""What every engine does alike: admission, one fair queue, batches, models, and its word to the registry.

All but `directory` import no transport, and none imports a model library.
"""
