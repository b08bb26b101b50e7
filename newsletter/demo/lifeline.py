"""Start a command as a private child: it ends when its parent ends, and started by root it is someone else.

    python -IS lifeline.py SIGNAL PARENT [UID:GID] -- COMMAND...

A small program of its own instead of `preexec_fn`, which is not safe in a process with threads. Linux sends
SIGNAL when the parent is gone, however it went; elsewhere only an orderly end of the parent ends the child.
Imports only what starts in a few milliseconds.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def main(words: list[str]) -> None:
    """Drop privileges, tie the process to its parent, become the command."""
    split = words.index("--")
    number, parent, *owner = words[:split]
    command = words[split + 1 :]
    if owner:
        uid, gid = map(int, owner[0].split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which would clear it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != int(parent):
            sys.exit("The parent has ended already.")
    os.execvp(command[0], command)  # noqa: S606  # becoming the command is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
