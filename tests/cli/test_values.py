"""How values are cut and compared."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text

from driftline_cli.output import rendered
from driftline_cli.render import values, words
from driftline_cli.render.values import Value, contrast, value


def lines(shown: Value, width: int) -> list[str]:
    return rendered(shown, width).splitlines()


def test_a_value_that_fits_is_whole() -> None:
    assert lines(value('"short"'), 40) == ['"short"']
    assert lines(value('"two words that wrap"', lines=2), 12) == ['"two words', 'that wrap"']


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    long = '"' + "x" * 98 + '"'
    assert lines(value(long), 40) == ['"' + "x" * 21 + "… (100 characters)"]
    assert lines(value(long, lines=2), 40) == ['"' + "x" * 39, "x" * 22 + "… (100 characters)"]
    assert lines(value(long), 10) == ['"xxxxxxxx…']


@pytest.mark.parametrize("width", range(1, 30))
@pytest.mark.parametrize("text", ["", '"漢字漢字漢字漢字"', "one two  three   four", "x" * 200, " " * 40])
def test_no_line_is_too_long(text: str, width: int) -> None:
    for count in (1, 2, 3):
        shown = lines(Value(Text(text), count), width)
        assert len(shown) <= count
        # One character of two cells does not fit a line of one.
        assert all(cell_len(line) <= max(width, 2) for line in shown)


def test_absent_and_not_kept_are_told_apart() -> None:
    assert lines(value(None), 40) == ["absent"]
    assert lines(value(None, kept=False), 40) == ["not kept in this trace"]


def test_a_shared_beginning_is_cut_so_that_the_difference_shows() -> None:
    common = "the same long beginning of both values, word for word, which says nothing "
    old, new = contrast(f'"{common}old end"', f'"{common}new end"')
    assert lines(old, 60) == ['…ord, which says nothing old end"']
    assert lines(new, 60) == ['…ord, which says nothing new end"']


def test_what_differs_stands_out() -> None:
    old, new = contrast('"entity/1"', '"entity/2"')
    assert "\x1b[1;31m1" in rendered(old, 40, colour=True)
    assert "\x1b[1;32m2" in rendered(new, 40, colour=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [("", ""), ("a", ""), ("", "a"), ("abc", "abc"), ("aXc", "aYYc"), ("aaa", "aa"), ("ab", "ba")],
)
def test_shared_never_overlaps(first: str, second: str) -> None:
    begin, end = values.shared(first, second)
    assert begin + end <= min(len(first), len(second))
    assert first[:begin] == second[:begin]
    assert first[len(first) - end :] == second[len(second) - end :]


def test_a_style_ends_where_its_text_ends() -> None:
    text = words.branch("alice", "alice#2").append(" and more")
    assert rendered(text, 40, colour=True).endswith("\x1b[0m and more\n")


def test_a_branch_id_of_another_shape_is_shown_whole() -> None:
    assert words.branch("alice", "p1:7").plain == "alice (p1:7)"
