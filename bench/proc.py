"""What processes have used, themselves and all their children, as Linux tells it (proc(5))."""

import os
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


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return ""
