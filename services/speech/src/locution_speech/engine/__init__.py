"""What both engines share: admission, a fair queue, batches, models, and reports to the registry.

Only `directory` imports a transport, and no module imports a model library.
"""
