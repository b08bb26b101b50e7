"""What processes have used."""

import subprocess
import sys

from bench import proc

BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BUSY!r}])
print("done", flush=True)
input()
"""


def test_what_an_ended_child_has_used_is_counted() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()

        used, peak = proc.processor_seconds(parent.pid), proc.peak_megabytes(parent.pid)

        parent.kill()
    assert used >= 0.3
    assert peak > 1


def test_a_process_that_has_ended_has_used_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert proc.processor_seconds(process.pid) == 0
    assert proc.peak_megabytes(process.pid) == 0
