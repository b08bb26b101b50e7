"""A clerk works at the desk while the lines talk to the relay: one thing at a time, in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

Apply = Callable[[Any], None]
Undo = Callable[[], None]


class Clerk:
    """`give` work when it is `free`; `take_in` what came of it. Only `work` itself runs in the thread."""

    def __init__(self, name: str, wake: Callable[[], None]) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._wake = wake
        self._work: tuple[Future[Any], Apply, Undo] | None = None

    @property
    def free(self) -> bool:
        """Whether nothing is to be taken in or waited for."""
        return self._work is None

    def give(self, work: Callable[[], Any], apply: Apply, undo: Undo = lambda: None) -> None:
        """Have `work` done; `take_in` then calls `apply` with its result, or `undo` when it failed."""
        future = self._thread.submit(work)
        self._work = (future, apply, undo)
        future.add_done_callback(lambda _future: self._wake())

    def take_in(self) -> Exception | None:
        """Take in what is done, if anything is; return the error that it ended with."""
        if self._work is None or not self._work[0].done():
            return None
        (future, apply, undo), self._work = self._work, None
        error = future.exception()
        if error is None:
            apply(future.result())
            return None
        undo()
        if not isinstance(error, Exception):
            raise error
        return error

    def close(self) -> None:
        """Wait for the end of the work in hand."""
        self._thread.shutdown()
