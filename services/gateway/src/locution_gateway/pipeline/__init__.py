"""The stages of a job, as the worker runs them."""
