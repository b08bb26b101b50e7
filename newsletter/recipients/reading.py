"""Reading a CSV file of recipients: line by line, so that one broken row costs one row, and memory stays flat."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from newsletter.core.errors import Invalid
from newsletter.core.i18n import gettext as _
from newsletter.recipients import person

COLUMNS = ("email", *person.FIELDS, "language", "measured", "confirmed_at")
"""What a header may name: what an export writes. When someone confirmed elsewhere is not taken over."""
MAX_LINE = 16_384
_CHUNK = 1 << 20
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")


@dataclass(frozen=True)
class Row:
    """One line of the file: its values by column, or what is wrong with it."""

    line: int
    values: dict[str, str]
    problem: str = ""


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of the file; empty lines are passed over.

    Raises `Invalid` for `file`, before the first row, when the file is not CSV in UTF-8 with a header we know.
    """
    _check_encoding(path)
    # Universal newlines: a row is a line, because no value can hold a line break.
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline(MAX_LINE)
        delimiter = max(",;\t", key=header.count)
        columns = _columns(header, delimiter)
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), ""), start=2):
            if line.strip(" \t\n,;"):
                yield _row(number, line, columns, delimiter)


def _check_encoding(path: Path) -> None:
    """Read the file once, so that what is in the middle of it does not come as a surprise in the middle."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except OSError:
        raise Invalid({"file": _("This file can't be read.")}) from None
    except ValueError:
        raise Invalid({"file": _("This file is not text in UTF-8. Please save it as CSV UTF-8.")}) from None


def _columns(header: str, delimiter: str) -> list[str]:
    if "\0" in header:  # UTF-16 without a mark of its order can pass for UTF-8
        raise Invalid({"file": _("This file is not text in UTF-8. Please save it as CSV UTF-8.")})
    columns = [name.strip().lower() for name in _cells(header, delimiter) or []]
    unknown = [name for name in columns if name not in COLUMNS]
    if "email" not in columns:
        raise Invalid({"file": _('The first line must name the columns, among them "email".')})
    if unknown or len(set(columns)) != len(columns):
        text = _("The first line may name these columns, each once: %(names)s.", names=", ".join(COLUMNS))
        raise Invalid({"file": text})
    return columns


def _row(number: int, line: str, columns: list[str], delimiter: str) -> Row:
    if "\0" in line:
        return Row(number, {}, _("Please leave out control characters."))
    cells = _cells(line, delimiter)
    if cells is None:
        return Row(number, {}, _("The quotes in this line don't match."))
    if len(cells) > len(columns):
        return Row(number, {}, _("This line has more values than the first line names."))
    return Row(number, {name: _unguarded(cell) for name, cell in zip(columns, cells, strict=False)})


def _cells(line: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([line.rstrip("\n")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _unguarded(cell: str) -> str:
    """Take off the apostrophe that an export puts before what a spreadsheet would run as a formula."""
    return cell[1:] if cell.startswith(_GUARDED) else cell
