"""What processes have used, themselves and all their children, as Linux tells it (proc(5))."""

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return the process and all who descend from it and live."""
    found = [pid]
    for member in found:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            found += map(int, _read(children).split())
    return found


def processor_seconds(pid: int) -> float:
    """Return the processor time of the family, of its members that have ended (and were waited for) as well."""
    ticks = 0
    for member in family(pid):
        fields = _read(Path(f"/proc/{member}/stat")).rpartition(")")[2].split()
        # utime, stime, and the same two of children that have ended.
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


def peak_megabytes(pid: int) -> float:
    """Return the sum of what each living member of the family has occupied at most (VmHWM), in 10^6 octets."""
    kilobytes = 0
    for member in family(pid):
        for line in _read(Path(f"/proc/{member}/status")).splitlines():
            if line.startswith("VmHWM:"):
                kilobytes += int(line.split()[1])
    return kilobytes * 1024 / 1e6


class Machine:
    """How busy the machine is from now on with what is not ours: figures of a busy machine say little."""

    def __init__(self) -> None:
        self._since, self._start = time.monotonic(), self._of_others()

    def others(self) -> float:
        """Return the part of all processors that others have used since, their host's other guests too."""
        seconds = (time.monotonic() - self._since) * (os.cpu_count() or 1)
        return max(0.0, self._of_others() - self._start) / seconds

    @staticmethod
    def _of_others() -> float:
        user, nice, system, _idle, _waiting, irq, softirq, stolen = map(int, _read(Path("/proc/stat")).split()[1:9])
        return (user + nice + system + irq + softirq + stolen) / TICKS - processor_seconds(os.getpid())


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return ""
