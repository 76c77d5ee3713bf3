"""The two ways in which a run ends with one line instead of a traceback."""

MESSAGE = 200  # characters of another library's message: transformers lists all that it knows


class BadInput(ValueError):
    """What was asked for cannot be done as asked: the user can mend it. Exit status 2."""


class Failure(Exception):
    """What was asked for was sound, and doing it went wrong. Exit status 1."""


def one_line(error: Exception) -> str:
    """What another library's error says, in one line that can be read; its type where it says nothing.

    >>> one_line(KeyError()), one_line(OSError("no such file\\nand 4,800 characters more"))
    ('KeyError', 'no such file')
    """
    lines = str(error).strip().splitlines()
    return lines[0][:MESSAGE] if lines else type(error).__name__
