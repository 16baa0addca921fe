import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

import cyclegan_tf
from cyclegan_tf.io import machine

GIB = 2**30


@pytest.fixture(autouse=True)
def large_host(monkeypatch):
    """A host of 64 cores, of which this process may use 16, with 100 GiB free."""
    free = psutil.virtual_memory()._replace(available=100 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def file_system(root: Path, groups: str, files: dict[str, str]) -> Path:
    """One in which a process is in these control groups, with these files below their mount."""
    for name, text in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_a_container_affinity_and_free_memory_count(tmp_path):
    assert machine.available_cores(tmp_path) == 16
    assert machine.available_memory(tmp_path) == 100 * GIB


def test_a_system_without_affinity_has_its_cores(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "process_cpu_count", lambda: 12, raising=False)
    assert machine.available_cores(tmp_path) == 12
    monkeypatch.delattr(os, "process_cpu_count")
    assert machine.available_cores(tmp_path) == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.available_cores(tmp_path) == 1


@pytest.mark.parametrize(("quota", "cores"), [("350000", 4), ("50000", 1), ("max", 16)])
def test_container_of_version_2(tmp_path, quota, cores):
    files = {
        "cpu.max": f"{quota} 100000\n",
        "memory.max": f"{8 * GIB}\n",
        "memory.current": f"{5 * GIB}\n",
        # files that were read and can be read again are no loss
        "memory.stat": f"anon {3 * GIB}\ninactive_file {2 * GIB}\n",
    }
    root = file_system(tmp_path, "0::/\n", files)
    assert machine.available_cores(root) == cores
    assert machine.available_memory(root) == 5 * GIB


@pytest.mark.parametrize(("quota", "cores"), [("200000", 2), ("-1", 16)])
def test_container_of_version_1(tmp_path, quota, cores):
    files = {
        "cpu/cpu.cfs_quota_us": f"{quota}\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": f"{4 * GIB}\n",
        "memory/memory.usage_in_bytes": f"{3 * GIB}\n",
        "memory/memory.stat": f"cache {GIB}\ntotal_inactive_file {GIB // 2}\n",
    }
    # the path is that of the host, where this process is not
    groups = "5:cpu,cpuacct:/docker/f00\n4:memory:/docker/f00\n1:name=systemd:/\n"
    root = file_system(tmp_path, groups, files)
    assert machine.available_cores(root) == cores
    assert machine.available_memory(root) == 3 * GIB // 2


def test_the_tightest_of_the_groups_around_it_counts(tmp_path):
    files = {
        "job/step/cpu.max": "max 100000",
        "job/cpu.max": "300000 100000",
        "cpu.max": "800000 100000",
        "job/step/memory.max": f"{6 * GIB}",
        "job/step/memory.current": "0",
        "job/memory.max": f"{2 * GIB}",
        "job/memory.current": f"{3 * GIB}",  # over the limit, which was lowered since
    }
    root = file_system(tmp_path, "0::/job/step\n", files)
    assert machine.available_cores(root) == 3
    assert machine.available_memory(root) == 0


def test_limits_above_the_host_do_not_count(tmp_path):
    files = {
        "cpu.max": "9000000 100000",
        "memory/memory.limit_in_bytes": "9223372036854771712",  # version 1: none
        "memory/memory.usage_in_bytes": "12345",
    }
    root = file_system(tmp_path, "4:memory:/\n0::/\n", files)
    assert machine.available_cores(root) == 16
    assert machine.available_memory(root) == 100 * GIB


def test_linux_tells_free_memory_itself(tmp_path):
    meminfo = "MemTotal:  900 kB\nMemFree: 400 kB\nMemAvailable:     500 kB\n"
    files = {"memory.max": "600000", "memory.current": "0"}
    root = file_system(tmp_path, "0::/\n", files)
    (root / "proc/meminfo").write_text(meminfo)
    assert machine.available_memory(root) == 512_000
    (root / "sys/fs/cgroup/memory.current").write_text("200000")
    assert machine.available_memory(root) == 400_000


def test_peak_of_memory_is_no_less_than_what_is_used_now(tmp_path):
    used = psutil.Process().memory_info().rss
    assert 0.9 * used < machine.peak_memory() < 100 * used
    # where Linux does not tell it, and on macOS
    assert 0.9 * used < machine.peak_memory(tmp_path) < 100 * used


def test_peak_of_memory_as_linux_and_windows_tell_it(tmp_path, monkeypatch):
    told = SimpleNamespace(rss=5, peak_wset=9)
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: told)
    monkeypatch.setitem(sys.modules, "resource", None)
    assert machine.peak_memory(tmp_path) == 9
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("Name:\tpython\nVmHWM:\t    2088 kB\n")
    assert machine.peak_memory(tmp_path) == 2088 * 1024


def test_nothing_else_in_the_package_asks_the_host():
    package = Path(cyclegan_tf.__file__).parent
    asking = re.compile(
        r"cpu_count|sched_getaffinity|sysconf|meminfo|virtual_memory|import resource"
    )
    found = [p.stem for p in sorted(package.rglob("*.py")) if asking.search(p.read_text())]
    assert found == ["machine"]
