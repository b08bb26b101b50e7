"""The conversation with a relay: one round trip per message, and a known fate for each whenever it breaks."""

import pytest

from newsletter.mail.pipeline import Fate, Letter, Pipeline, Stage


def letter(number: int) -> Letter:
    content = [b"Subject: %d\r\n" % number, b"\r\nHallo\r\n"]
    return Letter(number, b"news@example.com", b"%d@example.org" % number, content)


def fates(verdicts: object) -> list[tuple[object, Fate]]:
    return [(verdict.letter.key, verdict.fate) for verdict in verdicts]  # type: ignore[attr-defined]


def pump(pipeline: Pipeline) -> bytes:
    """Write everything that is to be written; return it."""
    octets = pipeline.outgoing()
    pipeline.wrote(len(octets))
    return octets


def talking(number: int, *, pipelining: bool = True) -> Pipeline:
    letters = map(letter, range(1, number + 1))
    pipeline = Pipeline(lambda: next(letters, None), pipelining=pipelining)
    pipeline.begin()
    return pipeline


GO = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n"


def test_the_content_and_the_next_envelope_are_one_write() -> None:
    pipeline = talking(2)

    assert pump(pipeline) == b"MAIL FROM:<news@example.com>\r\nRCPT TO:<1@example.org>\r\nDATA\r\n"
    assert not pipeline.receive(GO)
    assert pump(pipeline) == (
        b"Subject: 1\r\n\r\nHallo\r\n.\r\nMAIL FROM:<news@example.com>\r\nRCPT TO:<2@example.org>\r\nDATA\r\n"
    )
    assert fates(pipeline.receive(b"250 2.0.0 queued\r\n" + GO)) == [(1, Fate.TAKEN)]
    assert pump(pipeline) == b"Subject: 2\r\n\r\nHallo\r\n.\r\n"
    assert fates(pipeline.receive(b"250 2.0.0 queued\r\n")) == [(2, Fate.TAKEN)]
    assert pipeline.load == 0
    assert not pipeline.waiting


def test_without_pipelining_every_command_waits_for_its_reply() -> None:
    pipeline = talking(2, pipelining=False)

    assert pump(pipeline) == b"MAIL FROM:<news@example.com>\r\n"
    pipeline.receive(b"250 ok\r\n")
    assert pump(pipeline) == b"RCPT TO:<1@example.org>\r\n"
    pipeline.receive(b"250 ok\r\n")
    assert pump(pipeline) == b"DATA\r\n"
    pipeline.receive(b"354 go on\r\n")
    assert pump(pipeline) == b"Subject: 1\r\n\r\nHallo\r\n.\r\n"
    assert fates(pipeline.receive(b"250 queued\r\n")) == [(1, Fate.TAKEN)]
    assert pump(pipeline) == b"MAIL FROM:<news@example.com>\r\n"


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("data", [b"354 go on\r\n", b"503 no recipients\r\n"])
def test_a_refused_recipient_costs_nobody_else_anything(pipelining: bool, data: bytes) -> None:
    pipeline = talking(2, pipelining=pipelining)
    seen = []
    written = b""
    replies = {b"MAIL": b"250 ok\r\n", b"DATA": data, b".\r\n": b"554 nobody\r\n", b"RSET": b"250 ok\r\n"}

    for _ in range(20):
        for line in pump(pipeline).split(b"\r\n"):
            written += line + b"\n"
            if line.startswith(b"RCPT TO:<1"):
                seen += fates(pipeline.receive(b"550 5.1.1 no\r\n"))
            elif line.startswith(b"RCPT"):
                replies[b"DATA"], replies[b".\r\n"] = b"354 go on\r\n", b"250 queued\r\n"
                seen += fates(pipeline.receive(b"250 ok\r\n"))
            elif line == b".":
                seen += fates(pipeline.receive(replies[b".\r\n"]))
            elif line[:4] in replies:
                seen += fates(pipeline.receive(replies[line[:4]]))

    assert seen == [(1, Fate.REFUSED), (2, Fate.TAKEN)]
    assert (b"RSET" in written) == (data[:3] == b"503")


def test_a_refused_sender_is_told_apart_from_a_refused_recipient() -> None:
    pipeline = talking(1)
    pump(pipeline)

    (verdict,) = pipeline.receive(b"550 5.7.1 not you\r\n503 first MAIL\r\n503 first MAIL\r\n")

    assert (verdict.stage, verdict.reply.code, verdict.reply.status) == (Stage.MAIL, 550, "5.7.1")
    assert pump(pipeline) == b""


def test_a_connection_that_breaks_leaves_doubt_only_behind_the_final_dot() -> None:
    pipeline = talking(3)
    pump(pipeline)
    pipeline.receive(GO)
    pump(pipeline)

    assert fates(pipeline.lost()) == [(1, Fate.IN_DOUBT), (2, Fate.DROPPED)]


def test_a_message_that_did_not_go_whole_has_not_gone() -> None:
    pipeline = talking(2)
    pump(pipeline)
    pipeline.receive(GO)
    content = pipeline.outgoing()
    pipeline.wrote(content.index(b".\r\nMAIL") + 2)

    assert fates(pipeline.lost()) == [(1, Fate.DROPPED), (2, Fate.DROPPED)]


def test_a_relay_that_closes_has_not_taken_what_it_says_so_about() -> None:
    pipeline = talking(3)
    pump(pipeline)
    pipeline.receive(GO)
    pump(pipeline)

    (verdict,) = pipeline.receive(b"421 4.3.2 shutting down\r\n")

    assert (verdict.letter.key, verdict.fate) == (1, Fate.CLOSING)
    assert pipeline.closing
    assert not pipeline.begin()
    assert fates(pipeline.lost()) == [(2, Fate.DROPPED)]


def test_replies_may_come_in_any_pieces_and_on_many_lines() -> None:
    pipeline = talking(1)
    pump(pipeline)
    replies = b"250-2.1.0 one\r\n250 2.1.0 two\r\n250 2.1.5 ok\r\n354 go\r\n"

    for octet in replies:
        pipeline.receive(bytes([octet]))

    assert pump(pipeline).endswith(b"\r\n.\r\n")
    assert fates(pipeline.receive(b"250-2.0.0 a\r\n250 2.0.0 b\r\n")) == [(1, Fate.TAKEN)]


@pytest.mark.parametrize("gibberish", [b"hello\r\n", b"\r\n", b"250 ok\r\n550 no\r\n503 no\r\n250 a\r\n250 b\r\n"])
def test_gibberish_is_noticed_and_what_was_understood_before_counts(gibberish: bytes) -> None:
    pipeline = talking(2)
    pump(pipeline)
    pipeline.receive(GO)
    pump(pipeline)

    verdicts = pipeline.receive(b"250 2.0.0 queued\r\n" + gibberish)

    assert fates(verdicts)[0] == (1, Fate.TAKEN)
    assert pipeline.garbled


def test_a_letter_is_asked_for_when_there_is_a_place_for_it_and_not_before() -> None:
    asked: list[int] = []

    def supply() -> Letter:
        asked.append(len(asked) + 1)
        return letter(asked[-1])

    pipeline = Pipeline(supply, pipelining=True)
    pipeline.begin()
    pump(pipeline)
    assert asked == [1]
    assert not pipeline.begin()

    pipeline.receive(GO)

    assert asked == [1, 2]
    assert pipeline.load == 2
    assert not pipeline.begin()
