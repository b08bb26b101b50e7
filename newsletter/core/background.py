"""Work of a process that nobody is to wait for: a thread does it again and again, and once more at the end."""

import logging
import os
import threading
from collections.abc import Callable
from weakref import WeakSet

log = logging.getLogger(__name__)


class Background:
    """Calls `work` every so many seconds, from the first `begin` on, in a thread that ends with the process.

    The last time of all it calls `last`. After a fork the child has no thread until it begins anew, and `forget` is
    called there: what was to be done is the parent's.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        work: Callable[[], object],
        *,
        last: Callable[[], object],
        forget: Callable[[], object],
    ) -> None:
        self._name, self._seconds, self._work, self._last, self._forget = name, seconds, work, last, forget
        self._starting, self._stopped = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        _everyones.add(self)

    def begin(self) -> None:
        """Start the thread, if it does not run yet. Whoever has something to do calls this."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    # Not a daemon: a process that ends in order, SIGTERM included, waits for its other threads when its
                    # main thread has ended. `atexit` would not do: children of multiprocessing, such as granian's
                    # workers, skip it.
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=False)
                    self._thread.start()

    def close(self) -> None:
        """Stop the thread, once it has done its work for the last time."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _forked(self) -> None:
        self._starting, self._stopped, self._thread = threading.Lock(), threading.Event(), None
        self._forget()

    def _run(self) -> None:
        main = threading.main_thread()
        while main.is_alive() and not self._stopped.wait(self._seconds):
            self._do(self._work)
        self._do(self._last)

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            log.error("%s: an unexpected error", self._name, exc_info=error)


_everyones: WeakSet[Background] = WeakSet()


def _forked() -> None:
    for background in _everyones:
        background._forked()


os.register_at_fork(after_in_child=_forked)
