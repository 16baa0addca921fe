"""Kills a training twelve times, resumes it each time, and compares it with one left alone.

python benchmarks/kill.py --output DIR
python benchmarks/kill.py --output DIR --kills 12 --seed 0

Two trainings of the same small CycleGan under --deterministic: one runs through, the other is
killed (signal 9) at random moments, at least four in mid-epoch and two while it saves, and resumed
after each. Both must end with the same bits in networks, averages, optimizers, pools and seeds,
and with every epoch once in metrics.jsonl, with the same logs. Exit code 1 if not.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cyclegan_tf.data.synthetic.dataset import write_demo
from cyclegan_tf.io.run_folder import RunFolder
from tests.dying import different_variables, kill, kill_while_saving, start, wait_for_step

MINUTES = 0.02  # between saves
EPOCHS, STEPS = 20, 60
# a process may add up the terms of a log in another order than the one before: one digit, at most
SAME_LOG = 1e-6
OPTIONS = [
    "--preset=demo",
    "--image-size=32",
    "--picture-size=32",
    "--base-filters=4",
    "--discriminator-filters=4",
    f"--steps-per-epoch={STEPS}",
    f"--epochs={EPOCHS}",
    "--pool-size=8",
    "--ema-decay=0.99",
    "--diff-augment=all",
    "--schedule=linear",
    "--sample-every=5",
    "--deterministic",
    f"--checkpoint-minutes={MINUTES}",
]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    data, log = arguments.output / "data", arguments.output / "log.txt"
    write_demo(data, size=64, count=24)
    whole, killed = RunFolder(arguments.output / "whole"), RunFolder(arguments.output / "killed")
    options = [*OPTIONS, "--data", str(data)]
    if start([*options, "--run", str(whole.path)], log).wait():
        raise RuntimeError(f"the training failed; see {log}")
    worst = kill_again_and_again(killed, options, log, arguments.kills, arguments.seed)
    return report(whole, killed, worst)


def kill_again_and_again(
    run: RunFolder, options: list[str], log: Path, kills: int, seed: int
) -> float:
    """Trains to the end in spite of the kills; returns the most seconds that one of them cost."""
    chance, worst = random.Random(seed), 0.0
    command = [*options, "--run", str(run.path)]
    print("| kill | moment | epochs and steps saved | seconds lost |\n| --- | --- | --- | --- |")
    steps = sorted(chance.randrange((EPOCHS - 1) * STEPS) for _ in range(kills))
    for number, step in enumerate(steps, 1):
        process = start(command, log)
        command = ["--run", str(run.path), "--resume"]
        wait_for_step(process, run, step)
        if number % 4 == 0:
            death = kill_while_saving(process, run)
        else:
            time.sleep(chance.uniform(0.0, 60 * MINUTES))
            death = kill(process, run)
        worst = max(worst, death.lost)
        place = f"{death.metadata.epoch} + {death.metadata.epoch_steps}"
        print(f"| {number} | {death.moment} | {place} | {death.lost:.2f} |", flush=True)
    if start(command, log).wait():
        raise RuntimeError(f"the resumed training failed; see {log}")
    return worst


def report(whole: RunFolder, killed: RunFolder, worst: float) -> int:
    """Prints what came out; returns the exit code."""
    different = different_variables(whole, killed)
    once = [row["epoch"] for row in killed.metrics()] == list(range(1, EPOCHS + 1))
    apart = largest_difference(whole, killed) if once else float("nan")
    print(f"variables that differ: {len(different)} {different[:5]}")
    print(f"epochs once each: {once}; largest difference of a log: {apart:.1e} of its value")
    print(f"lost at most {worst:.2f} s, compilation included; saved every {60 * MINUTES:.0f} s")
    return int(bool(different) or not apart < SAME_LOG)


def largest_difference(whole: RunFolder, killed: RunFolder) -> float:
    """Of the logs of both runs, as a share of each; clocks are left out."""
    return max(
        abs(value - other[key]) / max(abs(value), 1e-12)
        for row, other in zip(whole.metrics(), killed.metrics(), strict=True)
        for key, value in row.items()
        if "second" not in key
    )


if __name__ == "__main__":
    sys.exit(main())
