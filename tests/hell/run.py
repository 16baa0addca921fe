"""Input from hell: every case as a process of its own, timed and watched, as a Markdown table.

python -m tests.hell --table --output hell.md
python -m tests.hell --table --only zip bomb
python -m tests.hell --make DIR
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.hell import files as hell_files
from tests.hell.case import Case
from tests.hell.cases import all_cases, baselines

SECONDS = 10.0  # more than an ordinary run of the same command
MEGABYTES = 2000
PATIENCE = 120.0  # then the process is killed: it hangs
NOBODY = 65534
# Another user may not enter the folder that Python is in: first all is imported, then root leaves.
# But what writes other formats of networks: ONNX Runtime leaves files in the home of whoever ends.
_WITHOUT_PRIVILEGES = f"""
import importlib, os, pkgutil, sys
import cyclegan_tf.cli
cyclegan_tf.cli.load_tensorflow()
for module in pkgutil.walk_packages(cyclegan_tf.__path__, "cyclegan_tf."):
    if not module.name.endswith("__main__") and ".exports" not in module.name:
        importlib.import_module(module.name)
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
sys.exit(importlib.import_module(f"cyclegan_tf.{{sys.argv[1]}}").main(sys.argv[2:]))
"""
EVIL = (Path("/etc/x"), Path("/etc/x.jpg"), Path("/etc/x.png"), Path("/tmp/evil.png"))


@dataclass(frozen=True)
class Outcome:
    """What a process did: exit code, what it said, what it cost, what it left behind."""

    code: int
    out: str
    err: str
    seconds: float
    megabytes: float
    strays: tuple[str, ...]

    def faults(self, case: Case, ordinary: float) -> list[str]:
        """Why the case has failed; `ordinary` seconds are what the same command takes."""
        faults = complaints(case, self.code, self.out, self.err)
        if self.seconds > ordinary + SECONDS:
            faults.append(f"{self.seconds:.0f} s")
        if self.megabytes > MEGABYTES:
            faults.append(f"{self.megabytes:.0f} MB")
        return faults + [f"wrote {path}" for path in self.strays]


def complaints(case: Case, code: int, out: str, err: str) -> list[str]:
    """What is wrong with an answer."""
    faults = [] if code == case.code else [f"exit code {code}, expected {case.code}"]
    if "Traceback" in err:
        faults.append("traceback")
    if case.code == 2 and err.count("\n") != 1:
        faults.append(f"{err.count(chr(10))} lines on stderr")
    if case.code == 2 and not err.startswith("error: "):
        faults.append("no error line")
    if any(ord(sign) < 32 and sign != "\n" for sign in err) and case.code == 2:
        faults.append("control signs in the message")
    said = err if case.code == 2 else out + err
    return faults + [f"no {word!r}" for word in case.words.split("|") if word not in said]


def folder_of(case: Case, root: Path) -> Path:
    """Where a case is made; its command runs in `work`, with `home`, `tmp` and `cache` beside."""
    return root / "".join(sign if sign.isalnum() else "_" for sign in case.name)


def make_case(case: Case, root: Path) -> Path:
    """Makes the folder of a case; `good` must be there."""
    folder = folder_of(case, root)
    for name in ("work", "home", "tmp", "cache"):
        (folder / name).mkdir(parents=True)
    case.make(folder / "work", root / "good")
    if case.unprivileged and os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return folder


def make_corpus(root: Path, cases: list[Case]) -> None:
    """Makes the good files and every case's folder."""
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o755)  # some cases run as another user
    hell_files.make_good(root / "good")
    for case in {case.name: case for case in (*baselines(), *cases)}.values():
        make_case(case, root)


def snapshot(folder: Path, *, without: tuple[Path, ...] = ()) -> dict[str, tuple]:
    """Size and time of everything below a folder, links not followed."""
    found = {}
    for path, folders, names in os.walk(os.fsencode(folder)):
        folders[:] = [n for n in folders if Path(os.fsdecode(path), os.fsdecode(n)) not in without]
        for name in [*folders, *names]:
            place = Path(os.fsdecode(path), os.fsdecode(name))
            status = place.lstat()
            if place not in without:
                size = () if name in folders else (status.st_size, status.st_mtime_ns)
                found[str(place)] = (status.st_mode, *size)
    return found


def watched(case: Case, root: Path) -> dict[str, tuple]:
    """What the command must not change: its folder but for the run, the good files, the roots."""
    folder = folder_of(case, root)
    allowed = tuple(folder / "work" / name for name in case.writes) if case.code == 0 else ()
    outside = {str(path): () for path in (*root.iterdir(), *EVIL) if path.exists()}
    good = snapshot(root / "good")
    return snapshot(folder, without=(*allowed, folder / "cache")) | good | outside


def environment(folder: Path) -> dict[str, str]:
    """A home and a temporary folder of the case's own; the caches of others out of the way."""
    own = {"HOME": "home", "TMPDIR": "tmp", "CYCLEGAN_TF_CACHE": "cache"}
    # Keras and Matplotlib write their settings when they are imported, whatever the command
    theirs = {"KERAS_HOME": "cache/keras", "MPLCONFIGDIR": "cache/matplotlib"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CYCLEGAN")}
    package = str(Path(__file__).parents[2])
    return kept | {k: str(folder / v) for k, v in {**own, **theirs}.items()} | {
        "PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def run_case(case: Case, root: Path) -> Outcome:
    """Runs a case as a process and looks at what it cost and changed."""
    folder, before = folder_of(case, root), watched(case, root)
    module, *arguments = case.argv
    starting = ["-m", f"cyclegan_tf.{module}"]
    if case.unprivileged and os.geteuid() == 0:
        starting = ["-c", _WITHOUT_PRIVILEGES, module]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *starting, *arguments],
            cwd=folder / "work", env=environment(folder) | dict(case.environment),
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
        code, megabytes = wait(process, began + PATIENCE)
        seconds = time.monotonic() - began
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode("utf-8", "backslashreplace"))
    after = watched(case, root)
    strays = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    shown = tuple(stray.replace(str(root), "") for stray in strays)
    return Outcome(code, *said, seconds, megabytes, shown)


def wait(process: subprocess.Popen, deadline: float) -> tuple[int, float]:
    """Exit code and peak memory in MB of a process and its children; a late one is killed."""
    killed = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss / 1024
        if time.monotonic() > deadline and not killed:
            process.kill()
            killed = True
        time.sleep(0.02)


def table(cases: list[Case], root: Path, processes: int, tell: Callable[[str], None]) -> int:
    """Runs the cases, tells each row of the table as soon as it is there; returns the failures."""
    ordinary: dict[tuple, tuple[Case, float]] = {}
    failed = 0
    first = [case for case in baselines() if any(c.argv[0] == case.argv[0] for c in cases)]
    rest = [case for case in cases if case.name not in {case.name for case in first}]
    tell("| case | command | exit | message | seconds | more than usual | MB | faults |")
    tell("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with ThreadPoolExecutor(processes) as pool:
        for group in (first, rest):
            for case, outcome in pool.map(lambda case: (case, run_case(case, root)), group):
                # another user's process loads all before it can change to that user
                kind = (case.argv[0], case.code, heavy(case), case.unprivileged)
                pattern, usual = ordinary.setdefault(kind, (case, outcome.seconds))
                if outcome.seconds > usual + SECONDS:  # the machine may be busier than it was
                    usual = again(pattern, root).seconds
                    outcome = again(case, root)
                faults = outcome.faults(case, usual)
                failed += bool(faults)
                tell(row(case, outcome, usual, faults))
                print(f"{'FAILED ' if faults else 'ok     '}{case.name} {faults or ''}", flush=True)
    return failed


def heavy(case: Case) -> bool:
    """Whether a command builds more than others of its name: two pairs of networks, or a run's."""
    return "CYCLEGAN" in case.line or "--run bad" in case.line


def again(case: Case, root: Path) -> Outcome:
    """Makes a case anew, where it disturbs no other, and runs it once more."""
    other = Path(tempfile.mkdtemp(prefix="again-", dir=root.parent))
    other.chmod(0o755)
    (other / "good").symlink_to(root / "good")
    make_case(case, other)
    return run_case(case, other)


def row(case: Case, outcome: Outcome, usual: float, faults: list[str]) -> str:
    # a run that ends well also leaves progress bars and notices of TensorFlow on stderr
    text = outcome.out if outcome.code == 0 else outcome.err
    shown = next(reversed([line for line in text.splitlines() if line.strip()]), "")
    cells = [
        case.name, f"`{case.line[:160]}`", str(outcome.code), shown[:400],
        f"{outcome.seconds:.1f}", f"{outcome.seconds - usual:+.1f}", f"{outcome.megabytes:.0f}",
        "; ".join(faults),
    ]  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hell", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--table", action="store_true", help="run the cases and write a table")
    parser.add_argument("--make", type=Path, metavar="DIR", help="only make the files, in here")
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="default: the terminal")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="cases with one of these words")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args(argv)
    words = arguments.only or [""]
    cases = [case for case in all_cases() if any(word in case.name for word in words)]
    if arguments.make:
        make_corpus(arguments.make, cases)
        return 0
    if not arguments.table:
        parser.error("give --table or --make")
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if arguments.output:
            text = "\n".join(lines) + "\n"
            arguments.output.write_text(text, encoding="utf-8", errors="backslashreplace")

    with tempfile.TemporaryDirectory(prefix="hell-", ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve() / "corpus"
        # as a process of its own: the memory of this one would count as that of its children
        making = [sys.executable, "-m", "tests.hell", "--make", str(root)]
        subprocess.run([*making, *(["--only", *words] if arguments.only else [])], check=True)
        root.parent.chmod(0o755)
        failed = table(cases, root, arguments.processes, tell)
    tell(f"\n{len(cases)} cases, {failed} failed.")
    if not arguments.output:
        print(*lines, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
