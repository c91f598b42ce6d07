"""The gateway: the public API process and the worker that runs jobs."""
