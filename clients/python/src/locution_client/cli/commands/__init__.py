"""One module a command; each has `configure(commands)`, which names the coroutine to run."""
