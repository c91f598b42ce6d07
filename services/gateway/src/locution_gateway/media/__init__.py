"""Media for the worker: decoding in a disposable child process, and cutting into sections at pauses.

`decode.decode` is the parent's side, `child` the program that reads the bytes, `sections` the cutter. This file must
not import anything, because the child starts through it.
"""
