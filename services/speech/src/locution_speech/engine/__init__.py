"""What both engines share: admission, one fair queue, batches, models, and reports to the registry.

All but `directory` import no transport, and none imports a model library.
"""
