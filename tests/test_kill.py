"""A training stopped as Slurm and Kaggle stop it; benchmarks/kill.py is the long version."""

import signal

from cyclegan_tf.data.synthetic.dataset import write_demo
from cyclegan_tf.io.run_folder import RunFolder
from tests.dying import different_variables, kill, start, wait_for_step

EPOCHS, STEPS = 2, 20
SMALL = [
    "--preset=demo",
    "--image-size=32",
    "--picture-size=32",
    "--generator=resnet",
    "--residual-blocks=0",
    "--base-filters=2",
    "--discriminator-filters=2",
    "--discriminator-layers=1",
    "--identity-weight=0",
    "--validation-fraction=0",
    "--ema-decay=0.9",
    "--pool-size=3",
    "--sample-count=1",
    f"--steps-per-epoch={STEPS}",
    f"--epochs={EPOCHS}",
    "--checkpoint-minutes=0.002",
    "--deterministic",
]


def test_killed_and_terminated_run_ends_in_the_bits_of_one_left_alone(tmp_path):
    write_demo(tmp_path / "set", size=32, count=4)
    options, log = [*SMALL, "--data", str(tmp_path / "set")], tmp_path / "log.txt"
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    alone = start([*options, "--run", str(whole.path)], tmp_path / "alone.txt")

    process = start([*options, "--run", str(stopped.path)], log)
    wait_for_step(process, stopped, STEPS + 5)
    death = kill(process, stopped)
    assert death.metadata.step >= STEPS + 5

    resume = ["--run", str(stopped.path), "--resume"]
    process = start(resume, log)
    wait_for_step(process, stopped, death.metadata.step + 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    command = f"python -m cyclegan_tf.train --run {stopped.path} --resume"
    assert f"the state is saved; go on with: {command}" in log.read_text()

    assert start(resume, log).wait() == 0, log.read_text()
    assert alone.wait() == 0, (tmp_path / "alone.txt").read_text()
    assert different_variables(whole, stopped) == []
    assert [row["epoch"] for row in stopped.metrics()] == list(range(1, EPOCHS + 1))
    assert stopped.submission.exists()
    assert "Traceback" not in log.read_text()
