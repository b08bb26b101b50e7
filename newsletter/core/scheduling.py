"""How a process shares the machine's processors with those it works with."""

import os
from contextlib import suppress


def interrupt_nobody() -> None:
    """Interrupt no other thread on waking up (SCHED_BATCH, sched(7)). For this thread and those it starts later.

    Who is interrupted is mostly somebody the waking one waits for: the relay, PostgreSQL, a thread that has just handed
    over a request and still holds Python's lock. To stop it gains nothing, and costs both. The share of the processors
    stays what it was.
    """
    if hasattr(os, "SCHED_BATCH"):  # Linux
        with suppress(OSError):  # a sandbox that forbids it, or does not know it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
