"""The two ways in which a run ends with one line instead of a traceback."""


class BadInput(Exception):
    """What was asked for cannot be done as asked: the user can mend it. Exit status 2."""


class Failure(Exception):
    """What was asked for was sound, and doing it went wrong. Exit status 1."""
