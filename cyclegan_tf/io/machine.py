"""What this process may use of the machine: a container or a user may have set less than there is.

Linux tells it in files: its own, and those of control groups, version 1 and 2. Other systems are
asked through psutil, which is imported where it is needed: on Linux it is not.
"""

import math
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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
    free = _kilobytes(root / "proc/meminfo", "MemAvailable")
    if free is None:
        import psutil

        free = psutil.virtual_memory().available / 1024
    return int(min(1024 * free, _smallest(root, "memory", _memory_left)))


def peak_memory(root: Path = _ROOT) -> int:
    """The most bytes that this process has had in memory so far.

    Args:
        root: as in `available_cores`.
    """
    if peak := _kilobytes(root / "proc/self/status", "VmHWM"):
        return 1024 * peak
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def describe(root: Path = _ROOT) -> str:
    """One line: processor, cores and memory that this process may use, and the system.

    Args:
        root: as in `available_cores`.
    """
    try:
        lines = (root / "proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:  # no Linux
        lines = []
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    processor = named[0] if named else platform.processor() or platform.machine()
    return (
        f"{processor}, {available_cores(root)} cores, {available_memory(root) / 2**30:.1f} GB of "
        f"memory free, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


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


def _kilobytes(file: Path, key: str) -> int | None:
    """The number in a line `KEY: N kB`; None where there is none."""
    words = _words(file)
    return int(words[words.index(f"{key}:") + 1]) if f"{key}:" in words else None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
