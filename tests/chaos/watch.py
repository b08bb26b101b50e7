"""Someone who looks at a campaign again and again from outside: the sums agree at every moment (P8)."""

import json
import urllib.request
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from newsletter.campaigns.counts import counts
from tests.chaos.play import Play, reading
from tests.chaos.stage import Stage

EVERY_SECONDS = 0.25


class Watch(Thread):
    """A context manager. `looks` counts the answers, `most_doubt` is the highest number of rows in doubt."""

    def __init__(self, stage: Stage, play: Play) -> None:
        super().__init__(name="watch", daemon=True)
        self._stage = stage
        self._play = play
        self._over = Event()
        self.looks = self.api_looks = self.most_doubt = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._over.set()
        self.join()
        if exc_value is None:
            self._play.check(self.looks > 0 and self.api_looks > 0, "nobody could look")

    def run(self) -> None:
        """Look at the rows and at what the API says, in turns."""
        with self._stage.app.app_context():
            while not self._over.wait(EVERY_SECONDS):
                self._look_at_rows()
                self._look_at_api()

    def _look_at_rows(self) -> None:
        # The database may be away, but must not lie.
        with suppress(SQLAlchemyError), reading():
            self._judge(counts(self._play.campaign_id))
            self.looks += 1

    def _look_at_api(self) -> None:
        url = f"{self._stage.processes.url}/api/v1/campaigns/{self._play.public_id}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._stage.token}"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                self._judge(json.load(answer)["counts"])
        except OSError:  # no answer, or an error's; the web process may be away, too
            return
        self.api_looks += 1

    def _judge(self, found: dict[str, int]) -> None:
        states = sum(number for name, number in found.items() if name != "audience")
        agree = states == found["audience"] == self._play.audience
        self._play.check(agree, f"the sums did not agree: {states} rows, audience {found['audience']}")
        self.most_doubt = max(self.most_doubt, found["in_doubt"])
