"""Cases from hell, continued: damaged runs, graphs and references, and impossible commands."""

from tests.hell import files as f
from tests.hell import runs as r
from tests.hell.case import GENERATE, SCORE, Case


def run_cases() -> list[Case]:
    return [*config_cases(), *weights_cases(), *state_cases(), *folder_cases(), *cluster_cases()]


def state_cases() -> list[Case]:
    """What `--resume` finds."""
    resume, words = "train --run bad --resume", "state.npz is damaged"
    texts = {
        "empty": b"", "text": b"state" * 99, "no arrays": r.npz(), "other arrays": r.npz(x=[1]),
        "facts of no JSON": r.npz(facts=[1, 2]), "half": r.npz(facts=[1] * 999)[:500],
    }  # fmt: skip
    kinds = {"folder": "Is a directory", "pipe": "is no file", "endless": "is no file"}
    return [
        *(Case(f"state: {name}", r.state(data), resume, words) for name, data in texts.items()),
        *(Case(f"state is: {kind}", r.special_state(kind), resume, f"{words}|{text}")
          for kind, text in kinds.items()),
        Case("resume: no run", f.nothing, resume, "bad holds no run"),
        Case("resume: config of no JSON", r.config_text(b"{"), resume, "no JSON"),
        Case("resume: an impossible change", r.config_with(),
             f"{resume} --base-filters 3", "--base-filters is 3"),
    ]  # fmt: skip


def cluster_cases() -> list[Case]:
    """What `TF_CONFIG` and Slurm say of other machines."""
    task = '"task": {"type": "worker", "index": 0}'
    texts = {
        "no JSON": ("{", "no JSON"),
        "nested 100,000 deep": ("[" * 100_000, "JSON"),
        "a list": ("[1]", "a JSON object"),
        "cluster is a text": (f'{{"cluster": "ab", {task}}}', "lists of workers"),
        "workers are numbers": (f'{{"cluster": {{"worker": [1, 2]}}, {task}}}', "host:port"),
        "no port": (f'{{"cluster": {{"worker": ["a", "b"]}}, {task}}}', "host:port"),
        "port 70000": (f'{{"cluster": {{"worker": ["a:1", "b:70000"]}}, {task}}}', "1 to 65535"),
        "one twice": (f'{{"cluster": {{"worker": ["a:1", "a:1"]}}, {task}}}', "named twice"),
        "another job": (f'{{"cluster": {{"worker": ["a:1"], "ps": ["b:1"]}}, {task}}}', "'ps'"),
        "no task": ('{"cluster": {"worker": ["a:1", "b:1"]}}', "type and index"),
        "task 2 of 2": (
            '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
            "0 to 1",
        ),
    }  # fmt: skip
    line = "train TINY --b GOOD/b --run run"
    slurm = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "7", "SLURM_STEP_NODELIST": "n[1-",
             "SLURM_STEP_TASKS_PER_NODE": "x"}  # fmt: skip
    return [
        *(Case(f"TF_CONFIG: {name}", f.nothing, line, f"TF_CONFIG|{words}",
               environment=(("TF_CONFIG", text),)) for name, (text, words) in texts.items()),
        Case("Slurm: numbers that do not fit", f.nothing, line, "do not fit together",
             environment=tuple(slurm.items())),
        Case("TF_CONFIG: batch that two cannot share", f.nothing, f"{line} --batch-size 3",
             "cannot be shared equally among 2", environment=(
                 ("TF_CONFIG", f'{{"cluster": {{"worker": ["a:1", "b:1"]}}, {task}}}'),)),
        Case("multiworker without machines", f.nothing, f"{line} --strategy multiworker",
             "needs two or more workers"),
        Case("TPU that is not there", f.nothing, f"{line} --strategy tpu", "no TPU"),
    ]  # fmt: skip


def config_cases() -> list[Case]:
    texts = {
        "empty": (b"", "no JSON"),
        "binary": (bytes(range(256)), "no JSON"),
        "a list": (b"[1, 2]", "no JSON object"),
        "a text": (b'"config"', "no JSON object"),
        "null": (b"null", "no JSON object"),
        "cut off": (b'{"model": "dcgan", "image', "no JSON"),
        "UTF-16": ("{}".encode("utf-16"), "no JSON"),
        "nested 100,000 deep": (b"[" * 100_000, "no JSON"),
        "nested objects": (b'{"a":' * 50_000, "no JSON"),
        "key of 1 MB": (b'{"%s": 1}' % (b"k" * 10**6), "unknown config key"),
        "20 MB": (b" " * 20_000_000, "too many"),
        "empty object": (b"{}", "--model cyclegan"),
    }
    raw = {
        "NaN": ("learning_rate", "NaN", "--learning-rate is nan"),
        "infinity": ("learning_rate", "1e999", "--learning-rate is inf"),
        "minus infinity": ("noise_std", "-Infinity", "--noise-std is -inf"),
        "integer of 400 digits for a number": ("learning_rate", "9" * 400, "--learning-rate is 99"),
        "integer of 400 digits": ("base_filters", "9" * 400, "--base-filters is 99"),
        "integer of 9,000 digits": ("seed", "9" * 9000, "no JSON"),
        "half a surrogate pair": ("b", '"\\ud800"', "not exist"),
        "NUL in a path": ("b", '"a\\u0000b"', "not exist"),
        "newlines in a choice": ("norm", '"a\\nb"', "choose one of"),
    }
    wrong = {
        "unknown key": ({"bass_filters": 2}, "did you mean base_filters?"),
        "foreign key": ({"zzz": 2}, "unknown config key 'zzz'"),
        "empty key": ({"": 2}, "unknown config key ''"),
        "text for a number": ({"base_filters": "2"}, "--base-filters is '2'"),
        "list for a number": ({"base_filters": [2]}, "--base-filters is [2]"),
        "object for a text": ({"b": {}}, "--b is {}"),
        "number for a text": ({"b": 1}, "--b is 1"),
        "true for a number": ({"base_filters": True}, "--base-filters is True"),
        "float for an integer": ({"base_filters": 2.5}, "--base-filters is 2.5"),
        "null for a number": ({"base_filters": None}, "--base-filters is None"),
        "list for a choice": ({"norm": ["group"]}, "choose one of"),
        "negative": ({"base_filters": -2}, "from 1 to 1,024"),
        "sizes of a giant": ({"image_size": 2**20}, "--image-size is 1048576"),
        "contradiction": ({"data": "x", "a": "y"}, "name either a data set"),
        "unknown model": ({"model": "diffusion"}, "--model is 'diffusion'"),
    }
    evaluate = "evaluate --run bad --inception GOOD/graph.pb"
    paths = ("half a surrogate pair", "NUL in a path")  # read by what opens the data alone
    kinds = {
        "folder": "Is a directory", "pipe": "is no file", "loop": "symbolic links",
        "dangling": "No such file", "endless": "is no file", "sparse": "too many",
    }  # fmt: skip
    return [
        *(Case(f"config: {name}", r.config_text(data), GENERATE, words)
          for name, (data, words) in texts.items()),
        *(Case(f"config: {name}", r.config_raw(key, value),
               evaluate if name in paths else GENERATE, words)
          for name, (key, value, words) in raw.items()),
        *(Case(f"config: {name}", r.config_with(**changes), GENERATE, words)
          for name, (changes, words) in wrong.items()),
        *(Case(f"config is: {kind}", r.special_in_run(kind, "config.json"), GENERATE, words)
          for kind, words in kinds.items()),
        Case("config is: locked", r.special_in_run("locked", "config.json"), GENERATE,
             "Permission denied", unprivileged=True),
        Case("config: list, scored", r.config_text(b"[]"), evaluate, "no JSON object"),
        Case("config: data set has moved", r.config_with(b="gone"), evaluate, "--data"),
    ]  # fmt: skip


def weights_cases() -> list[Case]:
    words = "generator.weights.h5 does not hold the weights"
    name = "weights/generator.weights.h5"
    kinds = {"folder": "", "pipe": "is no file", "loop": "", "dangling": "does not exist",
             "endless": "is no file"}  # fmt: skip
    changes = {
        "empty": lambda data: b"",
        "text": lambda data: b"weights" * 99,
        "8 bytes": lambda data: data[:8],
        "half": lambda data: data[: len(data) // 2],
        "last byte missing": lambda data: data[:-1],
        "zeros at the start": lambda data: bytes(600) + data[600:],
    }
    return [
        *(Case(f"weights: {kind}", r.weights(change), GENERATE, words)
          for kind, change in changes.items()),
        *(Case(f"weights are: {kind}", r.special_in_run(kind, name), GENERATE, f"{name}|{text}")
          for kind, text in kinds.items()),
        Case("weights: of another width", r.weights_of_another, GENERATE, words),
        Case("weights: of another network", r.weights_of_a_cyclegan, GENERATE, words),
        Case("weights: folder missing", r.special_in_run("dangling", "weights"), GENERATE,
             "does not exist"),
        Case("weights: of another width, scored", r.weights_of_another,
             "evaluate --run bad --inception GOOD/graph.pb", words),
        Case("legal: metrics cut off", r.cut_metrics, GENERATE, "1 pictures", 0, writes=("out",)),
    ]  # fmt: skip


def folder_cases() -> list[Case]:
    """Where `--run` leads; `RunFolder` answers alike to all commands that read."""
    return [
        Case("run: a file", f.file("bad"), GENERATE, "bad holds no run"),
        Case("run: an empty folder", f.files(bad={}), GENERATE, "bad holds no run"),
        Case("run: a loop", f.linked("bad", "bad"), GENERATE, "bad holds no run"),
        Case("run: of another model", f.nothing,
             "generate --run GOOD/cyclegan --count 1 --output out", "expected one of --model"),
        Case("run: inside a file", f.file("bad"), "generate --run bad/run --output out", "no run"),
        Case("run: name too long", f.nothing, "generate --run LONG --output out", "too long"),
        Case("run: locked", f.locked_folder, GENERATE, "Permission denied", unprivileged=True),
        Case("run: a file, scored", f.file("bad"),
             "evaluate --run bad --inception GOOD/graph.pb", "holds no run"),
        Case("run: to be made inside a file", f.file("bad"),
             "train TINY --b GOOD/b --run bad/run", "cannot be written"),
        Case("run: to be made in place of a file", f.file("bad"),
             "train TINY --b GOOD/b --run bad", "cannot be written"),
        Case("run: to be made, name too long", f.nothing, "train TINY --b GOOD/b --run LONG",
             "too long"),
        Case("run: to be made in a locked folder", f.locked_folder,
             "train TINY --b GOOD/b --run bad/run", "bad/run", unprivileged=True),
        Case("run: to be made in /proc", f.nothing, "train TINY --b GOOD/b --run /proc/run",
             "cannot be written"),
        Case("run: to be made in a bucket", f.nothing,
             "train TINY --b GOOD/b --run gs://bucket/run", "address of a bucket"),
        Case("run: to be made on a loop", f.linked("bad", "bad"), "train TINY --b GOOD/b --run bad",
             "cannot be written"),
        Case("run: exists", r.config_text(b"{}"), "train TINY --b GOOD/b --run bad",
             "already holds a run"),
    ]  # fmt: skip


def command_cases() -> list[Case]:
    return [*graph_cases(), *set_cases(), *output_cases(), *flag_cases()]


def graph_cases() -> list[Case]:
    score = "evaluate --images GOOD/a --reference GOOD/b --inception bad.pb"
    scoring = "--evaluate-every 1 --inception bad.pb"
    changes = {
        "empty": (lambda data: b"", "is no frozen TensorFlow graph"),
        "text": (lambda data: b"no graph" * 99, "is no frozen TensorFlow graph"),
        "half": (lambda data: data[: len(data) // 2], "bad.pb"),
        "nearly all": (lambda data: data[:-9], "bad.pb"),
        "an image": (lambda data: f.PNG, "is no frozen TensorFlow graph"),
        "another op": (lambda data: data.replace(b"Concat", b"Konkat"), "bad.pb cannot be run"),
        "another feed": (lambda data: data.replace(b"ExpandDims", b"ExpandDyms"), "bad.pb"),
    }
    kinds = {"folder": "Is a directory", "pipe": "is no file", "loop": "symbolic links",
             "dangling": "No such file", "endless": "is no file", "sparse": "too many"}  # fmt: skip
    return [
        *(Case(f"graph: {name}", f.graph(change), score, words)
          for name, (change, words) in changes.items()),
        *(Case(f"graph is: {kind}", f.thing(kind, "bad.pb"), score, f"bad.pb|{words}")
          for kind, words in kinds.items()),
        Case("graph: text, while training", f.graph(lambda data: b"text"),
             f"train TINY --b GOOD/b --run run {scoring}", "is no frozen TensorFlow graph"),
    ]  # fmt: skip


def set_cases() -> list[Case]:
    def against(name: str) -> str:
        return f"evaluate --images GOOD/a --inception GOOD/graph.pb --reference {name}"

    two_sizes = {"1.png": f.PNG, "2.png": f.small_png()}
    return [
        Case("reference: one image", f.files(bad={"1.png": f.PNG}), against("bad"), "at least 2"),
        Case("reference: none", f.files(bad={}), against("bad"), "holds no images"),
        Case("reference: missing", f.nothing, against("bad"), "does not exist"),
        Case("reference: a text", f.file("bad"), against("bad"), "file of another kind"),
        Case("reference: a pipe", f.thing("pipe", "bad"), against("bad"), "of another kind"),
        Case("reference: a loop", f.linked("bad", "bad"), against("bad"), "does not exist"),
        Case("reference: a broken image", f.files(bad={"1.png": f.PNG, "2.png": f.PNG[:99]}),
             against("bad"), "2.png is no image"),
        Case("images: two sizes", f.files(bad=two_sizes), f"{SCORE} bad", "one size"),
        Case("images: one", f.files(bad={"1.png": f.PNG}), f"{SCORE} bad", "at least 2"),
        Case("reference of a run: one image", f.files(bad={"1.png": f.PNG}),
             "evaluate --run GOOD/dcgan --inception GOOD/graph.pb --reference bad", "at least 2"),
        Case("legal: equal images", f.files(bad={"1.png": f.PNG, "2.png": f.PNG}),
             "train TINY --b bad --run run", "not measured", 0, alone=True),
        Case("training set: a broken image", f.files(bad={"1.png": b"", "2.png": f.PNG}),
             f"{SCORE} GOOD/a --training bad", "1.png is no image"),
    ]  # fmt: skip


def output_cases() -> list[Case]:
    make = "generate --run GOOD/dcgan --count 2 --output"
    return [
        Case("output: a folder that exists", f.files(bad={"x": b""}), f"{make} bad", "bad exists"),
        Case("output: a file", f.file("bad"), f"{make} bad", "bad exists"),
        Case("output: a folder named .zip", f.files(**{"bad.zip": {}}), f"{make} bad.zip",
             "bad.zip exists"),
        Case("output: inside a file", f.file("bad"), f"{make} bad/x.zip", "bad/x.zip"),
        Case("output: in /proc", f.nothing, f"{make} /proc/x.zip", "cannot be written"),
        Case("output: a folder in /proc", f.nothing, f"{make} /proc/x/y", "cannot be written"),
        Case("output: on a loop", f.linked("bad", "bad"), f"{make} bad", "bad exists"),
        Case("output: name too long", f.nothing, f"{make} LONG", "too long"),
        Case("output: zip of too long a name", f.nothing, f"{make} {'y' * 252}.zip", "too long"),
        Case("output: locked", f.locked_folder, f"{make} bad/x.zip", "bad/x.zip",
             unprivileged=True),
        Case("demo: a folder that exists", f.files(bad={"x": b""}), "demo --output bad",
             "bad exists"),
        Case("demo: a file", f.file("bad"), "demo --output bad", "bad exists"),
        Case("demo: inside a file", f.file("bad"), "demo --output bad/x", "cannot be written"),
        Case("demo: in /proc", f.nothing, "demo --output /proc/x", "cannot be written"),
        Case("demo: name too long", f.nothing, "demo --output LONG", "too long"),
        Case("demo: on a loop", f.linked("bad", "bad"), "demo --output bad", "bad"),
        Case("demo: locked", f.locked_folder, "demo --output bad/x", "bad/x", unprivileged=True),
    ]  # fmt: skip


def flag_cases() -> list[Case]:
    train = "train TINY --b GOOD/b --run run"
    return [
        Case("flag: no number", f.nothing, f"{train} --epochs ten", "invalid int value"),
        Case("flag: NaN", f.nothing, f"{train} --learning-rate nan", "--learning-rate is nan"),
        Case("flag: infinity", f.nothing, f"{train} --budget-minutes inf", "is inf"),
        Case("flag: epochs of 30 digits", f.nothing, f"{train} --epochs {10**30}", "--epochs is"),
        Case("flag: image of 2^20 pixels a side", f.nothing, f"{train} --image-size {2**20}",
             "--image-size is 1048576"),
        Case("flag: a billion filters", f.nothing, f"{train} --base-filters {10**9}",
             "--base-filters is"),
        Case("flag: a billion latents", f.nothing, f"{train} --latent-size {10**9}",
             "--latent-size is"),
        Case("flag: a billion remembered", f.nothing, f"{train} --pool-size {10**9}",
             "--pool-size is"),
        Case("flag: a billion images in a batch", f.nothing, f"{train} --batch-size {10**9}",
             "--batch-size is 1000000000"),
        Case("flag: unknown", f.nothing, f"{train} --turbo", "there is no --turbo"),
        Case("flag: no UTF-8", f.nothing, f"{train} --\udcff", "unrecognized"),
        Case("flag: a trillion pictures", f.nothing,
             f"generate --run GOOD/dcgan --output out --count {10**12}", "--count is"),
        Case("flag: a trillion pictures, scored", f.nothing,
             f"evaluate --run GOOD/dcgan --inception GOOD/graph.pb --count {10**12}", "--count is"),
        Case("flag: seed of 30 digits", f.nothing,
             f"generate --run GOOD/dcgan --output out --count 1 --seed {10**30}", "--seed is"),
        Case("flag: layer of another graph", f.nothing,
             f"{SCORE} GOOD/a --feature-layer no_such:0", "no layer no_such:0"),
        Case("flag: layer with a number too many", f.nothing,
             f"{SCORE} GOOD/a --feature-layer mixed_7/join:7", "mixed_7/join:7"),
        Case("flag: layer that is no name", f.nothing, f"{SCORE} GOOD/a --feature-layer :::",
             "no layer"),
        Case("flag: epsilon of no number", f.nothing, f"{SCORE} GOOD/a --epsilon x", "invalid"),
        Case("demo: a million pixels a side", f.nothing, f"demo --output out --size {10**6}",
             "--size is"),
        Case("demo: a trillion images", f.nothing, f"demo --output out --count {10**12}",
             "--count is"),
        Case("demo: seed of 30 digits", f.nothing, f"demo --output out --seed {10**30}",
             "--seed is"),
        Case("demo: negative", f.nothing, "demo --output out --count -1", "--count is -1"),
    ]  # fmt: skip
