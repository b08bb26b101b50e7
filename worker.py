"""Starts the worker: RQ on all queues, and the periodic work beside it. `python worker.py`, as many as you like."""

import gc
import sys

import newsletter.jobs  # noqa: F401  # a worker runs the jobs that it has imported
from newsletter import foundation
from newsletter.core import scheduling, worker
from newsletter.recovery import looking
from newsletter.schedule import JOIN_SECONDS, Schedule

if __name__ == "__main__":
    scheduling.interrupt_nobody()
    # The sender's threads hand each other short work, and should not wait the default five milliseconds for each other.
    # At half a millisecond they stopped each other so often that a mail cost the worker a twentieth more than at two.
    sys.setswitchinterval(0.002)
    app = foundation.make_app()
    looking.wait_until_known(app)
    schedule = Schedule(app)
    schedule.start()
    # What is there by now stays, and is not looked through any more: a collection took 68 ms, and takes 3.
    gc.collect()
    gc.freeze()
    worker.run(app)
    schedule.join(JOIN_SECONDS)
