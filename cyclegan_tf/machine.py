"""What this process may use of the machine: a container or a user may have set less than there is.

The files are those of Linux's control groups, version 1 and 2; elsewhere there are none.
"""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

_ROOT = Path("/")  # `proc` and `sys` are here
# Limit, use, and what of the use are files that can be read again: version 2, version 1.
_MEMORY = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_cores(root: Path = _ROOT) -> int:
    """How many cores this process can keep busy, at least 1.

    Args:
        root: of the file system that holds `proc` and `sys`.
    """
    # process_cpu_count, which knows the affinity on all systems, came with Python 3.13
    count = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    if hasattr(os, "sched_getaffinity"):
        count = min(count, len(os.sched_getaffinity(0)))
    return max(1, math.ceil(min(count, _smallest(root, "cpu", _quota))))


def available_memory(root: Path = _ROOT) -> int:
    """Bytes that are free or can be freed, of the machine and of what this process is limited to.

    Args:
        root: as in `available_cores`.
    """
    return int(min(psutil.virtual_memory().available, _smallest(root, "memory", _memory_left)))


def _smallest(root: Path, controller: str, measure: Callable[[Path], float]) -> float:
    """The least of what the control groups of this process allow; infinity without any limit."""
    return min(map(measure, _groups(root, controller)), default=math.inf)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The groups that this process belongs to, each followed by those around it."""
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            top = mounted
        elif controller in controllers.split(","):
            top = mounted / controller
        else:
            continue
        # in a container the path may be that of the host: the container's own group is on top then
        own = top / path.lstrip("/")
        yield from (group for group in (own, *own.parents) if group.is_relative_to(top))


def _memory_left(group: Path) -> float:
    for limit_file, use_file, cached in _MEMORY:
        limit, used = _words(group / limit_file), _words(group / use_file)
        if limit and used and limit[0] != "max":
            stat = _words(group / "memory.stat")
            freeable = dict(zip(stat[::2], stat[1::2], strict=False)).get(cached, 0)
            return max(0, int(limit[0]) - int(used[0]) + int(freeable))
    return math.inf


def _quota(group: Path) -> float:
    """Cores: microseconds of work in a period, by its microseconds."""
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    found = _words(group / "cpu.max") or [word for name in names for word in _words(group / name)]
    if len(found) != 2 or found[0] in ("max", "-1"):
        return math.inf
    return int(found[0]) / int(found[1])


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
