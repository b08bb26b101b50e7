"""MAIL_RELAYS: what it takes, and that an error never repeats it."""

import pytest

from newsletter.relay_urls import RelayUrl, relays


def test_relays_are_urls_with_a_weight() -> None:
    text = (
        "smtps://me%40example.org:p%3Aw@one.example?weight=3, smtp://two.example:587?tls=starttls\nsmtp://three.example"
    )

    assert relays(text) == [
        RelayUrl("one.example", 465, "me@example.org", "p:w", use_tls=False, use_ssl=True, weight=3),
        RelayUrl("two.example", 587, None, None, use_tls=True, use_ssl=False, weight=1),
        RelayUrl("three.example", 25, None, None, use_tls=False, use_ssl=False, weight=1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "one.example",
        "https://one.example",
        "smtp://",
        "smtp://one.example:0",
        "smtp://one.example:99999",
        "smtp://one.example/path",
        "smtp://one.example?weight=0",
        "smtp://one.example?weight=many",
        "smtp://one.example?tls=none",
        "smtps://one.example?tls=starttls",
        "smtp://one.example?wieght=3",
        "smtp://one.example?weight",
        "smtp://[::1",
        "smtp://me:geheim@größe.example",
    ],
)
def test_what_is_no_relay_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="must be URLs like") as refused:
        relays(f"smtp://good.example {text}")

    assert "geheim" not in str(refused.value)
    assert refused.value.__cause__ is None
