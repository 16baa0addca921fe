"""How far a training step of the notebook preset is from what the machine can do.

python benchmarks/limits.py --batch 1 2 4 8
python benchmarks/limits.py --batch 1 --precision mixed_bfloat16
python benchmarks/limits.py --size 64 128 256 512

For each setting: floating-point operations of the step as TensorFlow counts them, the share of the
machine's matrix peak (a product of two large matrices on all cores, measured in the same process)
that the step reaches, the memory above that of the import, and which kinds of operations the time
goes to. A setting is measured in a process of its own.
"""

import contextlib
import io
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs

MATRIX = 2048
WARM_UP, STEPS = 2, 5
SHOWN = 6  # kinds of operations


def main() -> None:
    """The command line."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="images of each domain")
    parser.add_argument("--size", type=int, nargs="+", default=[256], help="pixels a side")
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(_facts(arguments.batch[0], arguments.size[0], arguments.precision)))
        return
    print("| what | GFLOP | s | GFLOP/s | matrix peak | of it | weights, moments | step | time |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for batch, size in itertools.product(arguments.batch, arguments.size):
        flags = [f"--batch={batch}", f"--size={size}", f"--precision={arguments.precision}"]
        found = pairs.measure([__file__, "--side=ours", *flags]).facts
        rate = found["gflop"] / found["seconds"]
        kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in found["kinds"])
        print(
            f"| {size} px, batch {batch}, {arguments.precision} | {found['gflop']:.0f} "
            f"| {found['seconds']:.2f} | {rate:.0f} | {found['peak']:.0f} "
            f"| **{rate / found['peak']:.0%}** | {found['kept']:.2f} GB | +{found['taken']:.2f} GB "
            f"| {kinds} |",
            flush=True,
        )


def _facts(batch: int, size: int, precision: str) -> dict:
    import tensorflow as tf

    fields = {"batch_size": batch, "image_size": size, "precision": precision}
    config = pairs.notebook_config(data="-", **fields)
    from cyclegan_tf.models.build import build_model

    peak = _matrix_peak("bfloat16" if precision == "mixed_bfloat16" else "float32")
    model = build_model(config, 1000)
    images = pairs.random_images(batch, size)
    step = tf.function(model.train_step, autograph=False)
    operations = _operations(step.get_concrete_function(images).graph)
    for _ in range(WARM_UP):
        step(images)
    tf.config.experimental.reset_memory_stats("CPU:0")
    seconds = _median_seconds(lambda: step(images), STEPS)
    memory = tf.config.experimental.get_memory_info("CPU:0")
    return {
        "gflop": operations / 1e9,
        "seconds": seconds,
        "peak": peak,
        "kept": memory["current"] / 1e9,
        "taken": (memory["peak"] - memory["current"]) / 1e9,
        "kinds": _kinds(lambda: step(images)),
    }


def _median_seconds(work: "object", count: int) -> float:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _matrix_peak(dtype: str) -> float:
    """GFLOP/s of one product on each core, as the step runs its operations."""
    import tensorflow as tf

    matrices = [tf.cast(tf.random.normal([MATRIX, MATRIX]), dtype) for _ in range(2)]
    cores = tf.config.threading.get_inter_op_parallelism_threads() or 1

    @tf.function
    def multiply() -> list[tf.Tensor]:
        # different operands, or TensorFlow would multiply once
        return [tf.matmul(matrices[0] * (i + 1), matrices[1])[0, 0] for i in range(cores)]

    multiply()
    seconds = min(_median_seconds(multiply, 3) for _ in range(3))
    return cores * 2 * MATRIX**3 / seconds / 1e9


def _operations(graph: "object") -> int:
    import tensorflow as tf

    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        found = profiler.profile(graph, options=options.with_empty_output().build())
    return found.total_float_ops


def _kinds(work: "object") -> list[tuple[str, float]]:
    """Kinds of operations and their shares of the time that all operations take."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2)
        tf.profiler.experimental.start(folder, options)
        work()
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    times: Counter[str] = Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            # operations are called NAME:TYPE
            name, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
            kind = re.sub("^_(Mkl)?(Native)?", "", kind)
            if kind.isalnum() and not name.endswith((":", " ")) and name:
                times[kind] += event.duration_ps
    total = sum(times.values())
    return [(kind, spent / total) for kind, spent in times.most_common(SHOWN)]


if __name__ == "__main__":
    main()
