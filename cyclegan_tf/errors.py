"""The one exception that means: the user's input is at fault, not the program."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one line: what came, what is expected, what to do.
    """
