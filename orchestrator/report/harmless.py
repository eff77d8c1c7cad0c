"""Makes foreign text harmless: for a terminal, and for a spreadsheet."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection
ELLIPSIS = "…"


def one_line(text: str, limit: int = 300) -> str:
    """`text` as one bounded line that a terminal only shows: no control, escape or direction characters."""
    if not text.isprintable():
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def cell(text: str) -> str:
    """`text` as a table's cell that no spreadsheet runs: a leading apostrophe where it would be a formula.

    Line feeds and tabs stay (the writer quotes them), other control characters become U+FFFD.
    """
    # A spreadsheet trims blanks before it looks for a formula.
    is_formula = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    if not text.isprintable():
        # The standard library's writer leaves a bare carriage return unquoted, which would break the row in two.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
    return "'" + text if is_formula else text
