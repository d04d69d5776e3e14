"""Rows as text for people: aligned columns where they fit, one value a line where they do not.

Belongs here: layout only. Values that machines read are printed by `sql` in csv, json or parquet.
"""

from collections.abc import Iterator, Sequence

GAP = "  "
_SIGNS = str.maketrans("", "", "-+.,e")


def lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """The table's lines; `width` is how many characters fit beside each other, None for any number.

    Numbers stand right. A table that is too wide has a block of `name  value` lines per row.
    """
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    if width is None or sum(widths) + len(GAP) * (len(widths) - 1) <= width:
        right = [_is_numeric([row[place] for row in rows]) for place in range(len(columns))]
        for row in (columns, *rows) if any(columns) else rows:
            yield _aligned(row, widths, right)
    else:
        yield from _blocks(columns, rows)


def _aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        cell.rjust(size) if is_right else cell.ljust(size)
        for cell, size, is_right in zip(row, widths, right, strict=True)
    )
    return GAP.join(cells).rstrip()


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    size = max(len(name) for name in columns)
    for number, row in enumerate(rows, start=1):
        yield f"── row {number} " + "─" * size
        for name, cell in zip(columns, row, strict=True):
            yield f"{name.ljust(size)}{GAP}{cell}".rstrip()


def _is_numeric(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if cell]
    return bool(known) and all(cell.translate(_SIGNS).isdigit() for cell in known)
