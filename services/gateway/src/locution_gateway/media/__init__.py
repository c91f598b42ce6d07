"""Media for the worker: decoding in a disposable child process, and cutting into sections at pauses.

`decode.decode` is the parent's side, `child` the program that touches the bytes, `sections` the cutter. This file stays
empty of imports, because the child starts through it.
"""
