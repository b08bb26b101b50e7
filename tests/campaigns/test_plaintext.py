"""The text part: made to be read."""

import pytest

from newsletter.campaigns import markdown
from newsletter.core.errors import Invalid


def text(source: str) -> str:
    heading, rest = markdown.parse(source).text(lambda url: url)
    return heading + rest


def test_headings_lists_quotes_and_tables_keep_their_shape() -> None:
    prose = "# Titel\n\nText **fett**\nweiter.\n\n- eins\n- zwei\n  - drei\n\n2. a\n3. b\n\n> Zitat\n\n"
    source = prose + "| A | B |\n|---|---|\n| 1 | 2 |\n"

    shown = text(source)

    assert shown == (
        "Titel\n=====\nText fett weiter.\n\n- eins\n- zwei\n  - drei\n\n2. a\n3. b\n\n> Zitat\n\nA | B\n1 | 2\n"
    )


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[hier](https://a.example/b)", "hier (https://a.example/b)\n"),
        ("<https://a.example/b>", "https://a.example/b\n"),
        ("[0123](tel:+49123)", "0123 (+49123)\n"),
        ("[post@a.example](mailto:post@a.example)", "post@a.example\n"),
        ("[schreiben](mailto:post@a.example)", "schreiben (post@a.example)\n"),
    ],
)
def test_a_link_shows_its_words_and_where_it_leads(source: str, shown: str) -> None:
    assert text(source) == shown


def test_lines_are_wrapped_but_a_url_is_never_broken() -> None:
    url = "https://www.stadtwerke-musterstadt.example/" + "lang" * 30

    lines = text(f"{'Wort ' * 40}\n\n<{url}>").splitlines()

    assert max(len(line) for line in lines[:-1]) <= 72
    assert lines[-1] == url


@pytest.mark.parametrize(
    "url",
    ["/relativ", "javascript:alert(1)", "data:text/html,x", "ftp://a.example/x", "https:///weg", "mailto:", "#oben"],
)
def test_a_link_that_leads_nowhere_from_a_mailbox_is_named(url: str) -> None:
    with pytest.raises(Invalid) as error:
        markdown.parse(f"[hier]({url})")

    assert url in error.value.errors["markdown"]


def test_raw_html_stays_text() -> None:
    _, html = markdown.parse("<script>alert(1)</script> <b>x</b>").html(lambda url: url)

    assert "<script" not in html
    assert "<b>" not in html
