"""Lines of aligned columns between which other lines may stand: what a table cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from driftline_cli.render.words import padded, styled

_GAP: Final = 2


class Columns:
    """Columns as wide as their widest cell, within bounds.

    Args:
        titles: Their titles.
        rows: Every row that will be shown.
        widest: The most that a column may take, in cells.
        right: Titles of the columns that are aligned to the right.

    Example:
        >>> columns = Columns(("A", "B"), [[Text("one"), Text("1")]], right={"B"})
        >>> columns.header().plain, columns.line([Text("one"), Text("1")]).plain
        ('A    B', 'one  1')
    """

    def __init__(
        self,
        titles: Sequence[str],
        rows: Sequence[Sequence[Text]],
        *,
        widest: int = 24,
        right: frozenset[str] | set[str] = frozenset(),
    ) -> None:
        self._titles = titles
        self._right = right
        self._widths = [
            min(max([cell_len(title), *(row[i].cell_len for row in rows)]), widest) for i, title in enumerate(titles)
        ]

    def header(self) -> Text:
        """The line of titles."""
        return self._join([styled(title, "bold underline") for title in self._titles])

    def line(self, cells: Sequence[Text]) -> Text:
        """One row as a line that is cut, not wrapped, where it is too long for the terminal."""
        return self._join(cells)

    def _join(self, cells: Sequence[Text]) -> Text:
        made = Text(no_wrap=True, overflow="ellipsis")
        for i, (title, width, cell) in enumerate(zip(self._titles, self._widths, cells, strict=True)):
            made.append(" " * _GAP if i else "")
            if title in self._right and cell.cell_len < width:
                made.append(" " * (width - cell.cell_len)).append_text(cell)
            else:
                made.append_text(padded(cell, width))
        made.rstrip()
        return made
