class DataError(ValueError):
    """The data or an argument can't be used; the message is one line: what, which value, what to do instead."""


def first_line(error):
    """The first line of an exception's message (str), for quoting it inside a one-line message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
