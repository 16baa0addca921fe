"""The two exceptions that mean: it is not the program that is at fault."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one line: what came, what is expected, what to do.
    """


class Fault(RuntimeError):
    """The machine, or the training itself, does not go on: exit code 1.

    The message is one line: what happened, what is kept, what to do.
    """
