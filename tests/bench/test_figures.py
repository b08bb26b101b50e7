"""The table at the end of a run."""

import json

from bench.figures import Figure, as_json, table

RATE = Figure("mails/s", 9_000, "mails/s")
GOOD = Figure("ours : theirs", 1.25, "x", 1.0)
DEAR = Figure("processor time", 90, "µs/mail", 60, at_most=True)


def test_a_figure_says_whether_its_goal_was_reached() -> None:
    assert (GOOD.met, GOOD.ratio) == (True, 1.25)
    assert (DEAR.met, DEAR.ratio) == (False, 1.5)
    assert (RATE.met, RATE.ratio) == (None, None)


def test_what_has_a_goal_stands_first_and_numbers_to_the_right() -> None:
    lines = table([RATE, GOOD, DEAR]).splitlines()

    assert lines == [
        "figure               measured          goal  ratio",
        "--------------  -------------  ------------  -----  -------",
        "ours : theirs          1.25 x         ≥ 1 x   1.25  met",
        "processor time     90 µs/mail  ≤ 60 µs/mail   1.50  not met",
        "mails/s         9,000 mails/s",
    ]


def test_the_same_can_be_read_by_a_program() -> None:
    (found,) = json.loads(as_json([DEAR]))

    assert found == {
        "name": "processor time", "measured": 90, "unit": "µs/mail", "goal": 60, "at_most": True,
        "ratio": 1.5, "met": False,
    }  # fmt: skip
