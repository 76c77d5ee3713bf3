"""The two ways in which a run ends with one line instead of a traceback."""

import os
import traceback
from pathlib import Path

MESSAGE = 200  # characters of another library's message: transformers lists all that it knows
LINE = 282  # characters of a message of ours, 300 behind the command's name: what is longer loses its middle
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


def named(error: Exception) -> str:
    """The same after its type, for what does not speak for itself.

    >>> named(KeyError("columns")), named(OSError("no such file"))
    ("KeyError: 'columns'", 'OSError: no such file')
    """
    kind, said = type(error).__name__, one_line(error)
    return kind if said == kind else f"{kind}: {said}"


def expanded(path: object) -> Path:
    """The path with the home folder in the place of "~"; where none is known, as it stands.

    >>> expanded("~nobody-of-that-name/data")
    PosixPath('~nobody-of-that-name/data')
    """
    return Path(os.path.expanduser(str(path)))  # that of Path would raise


def unforeseen(error: Exception) -> str:
    """What is told of an error that nothing here has foreseen: its kind, what it says, and the last line of
    this package that it came through."""
    own = str(Path(__file__).parent)
    steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename.startswith(own)]
    place = f" (at {Path(steps[-1].filename).relative_to(own)}:{steps[-1].lineno})" if steps else ""
    return f"{named(error)}{place}"


def _shortened(text: str, most: int) -> str:
    """In one line of at most so many characters: of a longer text the beginning and the last quarter."""
    if not text.isprintable():
        # A line break is a space; of what else cannot be printed stands how Python writes it.
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 5]} ... {text[-end:]}"
