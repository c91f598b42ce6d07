"""The models that the registry offers to jobs."""
