"""Whether the memory limit of this container was hit: the kernel's own count of what it killed for it."""

from __future__ import annotations

import re

#: Where the counters are: control groups of version 2, and of version 1.
_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

#: A limit beyond this many bytes means that there is none.
_NONE = 2**60


class MemoryLimit:
    """Remembers how many processes had been killed; outside a container with a limit nothing is ever said."""

    def __init__(self) -> None:
        self._killed = _killed()

    def was_hit(self) -> bool:
        """Return whether a process was killed for want of memory since the last call."""
        before, self._killed = self._killed, _killed()
        return self._killed > before

    @property
    def shown(self) -> str:
        """The limit in words, such as `` of 512 MiB``; empty when it is not known."""
        for path in _LIMITS:
            try:
                text = _text(path).strip()
            except OSError:
                continue
            if text.isdecimal() and int(text) < _NONE:
                return f" of {int(text) / 2**20:g} MiB"
        return ""


def _killed() -> int:
    for path in _COUNTERS:
        try:
            text = _text(path)
        except OSError:
            continue
        found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        if found:
            return int(found.group(1))
    return 0


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123 - no pathlib: see standalone
        return file.read()
