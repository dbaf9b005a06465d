from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.cli.wrapping import LONGEST_WORD, Wrapping


def wrap(pieces: list[str], width: int = 20) -> str:
    wrapping = Wrapping(width)
    return "".join(map(wrapping.feed, pieces)) + wrapping.flush()


def test_it_breaks_between_words() -> None:
    assert wrap(["one two three four five six"]) == "one two three four\nfive six"


def test_the_first_line_may_have_begun() -> None:
    wrapping = Wrapping(20, column=15)
    assert wrapping.feed("one two three ") == "one\ntwo three"


def test_a_word_in_pieces_stays_whole() -> None:
    assert wrap(["one two three fo", "ur fi", "ve", " six"]) == "one two three four\nfive six"


def test_an_unfinished_word_is_held_back_but_not_for_ever() -> None:
    wrapping = Wrapping(80)
    assert wrapping.feed("one tw") == "one"
    assert wrapping.feed("o") == ""
    assert wrapping.feed("o" * 40) == " two" + "o" * 40
    assert wrapping.feed("oo ") == "oo"
    assert wrapping.flush() == " "


def test_breaks_of_the_text_stay() -> None:
    assert wrap(["one\n\n  two\nthree"]) == "one\n\n  two\nthree"


def test_code_and_tables_are_not_broken() -> None:
    code = "```\n" + "x = 1 + 2 + 3 + 4 + 5 + 6\n" + "```\n"
    table = "| one two | three four | five six |\n"
    assert wrap([code, table]) == code + table
    assert "\n" in wrap([code, "one two three four five six"]).removeprefix(code)


def test_wide_characters_take_two_cells() -> None:
    assert wrap(["日本語日本語 日本語日本語 "]) == "日本語日本語\n日本語日本語 "


@given(st.lists(st.text("ab \n`|", max_size=12), max_size=20), st.integers(20, 40))
def test_only_breaks_are_added_and_blanks_before_them_lost(pieces: list[str], width: int) -> None:
    text, wrapped = "".join(pieces), wrap(pieces, width)
    assert wrapped.split() == text.split()
    if all(len(word) < LONGEST_WORD - 12 for word in text.split()):
        assert wrap([text], width) == wrapped
