"""What can't be seen in a text is shown as an escape: control characters, and those that turn the direction
of what follows them.
"""

from __future__ import annotations


def visible(text: str) -> str:
    r"""The text with each character that prints nothing as its escape.

    Names come from command lines, files and folders; a terminal would obey their control characters, and a
    U+202E would turn around the text beside it. `analysis.terminal`, the Markdown tables, the report and the
    progress display pass all that they show through here.

    Args:
        text: a label, or a sentence with labels in it.

    Returns:
        the same with "\u202e", "\x1b" or "\n" for such characters.
    """
    return text if text.isprintable() else "".join(map(escape, text))


def escape(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
