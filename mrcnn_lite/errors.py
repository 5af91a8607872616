"""The error that tells users which of their inputs is wrong.

Everything a user hands over (a path, an annotation file, a picture, a checkpoint, an option) that
cannot be used raises `InputError`; the command line prints its message and exits with status 1.
A wrong argument of a function is Python's own `ValueError` or `TypeError`.
"""


class InputError(ValueError):
    """Something the user supplied is unusable; the message names it and says what was expected."""
