"""The two ways in which a run ends with one line instead of a traceback."""

MESSAGE = 200  # characters of another library's message: transformers lists all that it knows
LINE = 300  # characters of a message of ours: what is longer loses its middle
VALUE = 60  # characters of a value in such a message


class BadInput(ValueError):
    """What was asked for cannot be done as asked: the user can mend it. Exit status 2."""

    def __init__(self, message: object = ""):
        super().__init__(_shortened(str(message), LINE))


class Failure(Exception):
    """What was asked for was sound, and doing it went wrong. Exit status 1."""

    def __init__(self, message: object = ""):
        super().__init__(_shortened(str(message), LINE))


def shown(value: object) -> str:
    """A value as a message shows it: as Python writes it, in one line, and of a long one the two ends.

    >>> shown("x" * 1000), shown([1, 2])
    ("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ... xxxxxxxxxxxxxx'", '[1, 2]')
    """
    return _shortened(repr(value), VALUE)


def one_line(error: Exception) -> str:
    """What another library's error says, in one line that can be read; its type where it says nothing.

    >>> one_line(KeyError()), one_line(OSError("no such file\\nand 4,800 characters more"))
    ('KeyError', 'no such file')
    """
    lines = str(error).strip().splitlines()
    return lines[0][:MESSAGE] if lines else type(error).__name__


def _shortened(text: str, most: int) -> str:
    """In one line of at most so many characters: of a longer text the beginning and the last quarter."""
    if not text.isprintable():
        # A line break is a space; of what else cannot be printed stands how Python writes it.
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 5]} ... {text[-end:]}"
