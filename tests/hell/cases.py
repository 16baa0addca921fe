"""The cases from hell: images, records, files and zips; the others in `hell_run_cases.py`.

A new case is one line in one of the lists.
"""

import gzip

from tests.hell import files as f
from tests.hell import images as hell_images
from tests.hell import records as hell_records
from tests.hell import runs as r
from tests.hell.case import GENERATE, SCORE, SCORE_RUN, TRAIN, Case
from tests.hell.files import Make
from tests.hell.run_cases import command_cases, run_cases
from tests.hell.translate_cases import translate_baselines, translate_cases


def image_cases() -> list[Case]:
    cases = [
        Case(f"image {name}", f.files(bad={"good.png": f.PNG, name: data}), TRAIN,
             f"{name} is no image|Replace it")
        for name, data in hell_images.broken().items()
    ]  # fmt: skip
    for suffix in hell_images.FORMATS:
        entries = {**hell_images.cuts(suffix), "a.png": f.PNG, "b.png": f.PNG}
        cases.append(
            Case(f"{suffix} cut off at {len(entries) - 2} places, skipped", f.files(bad=entries),
                 f"{TRAIN} --skip-bad-images", f"{len(entries) - 2} unreadable images skipped", 0,
                 alone=True)
        )  # fmt: skip
        for name, data in list(hell_images.cuts(suffix).items())[::2]:
            cases.append(
                Case(f"image {name}", f.files(bad={name: data, "z.png": f.PNG}), TRAIN,
                     f"{name} is no image")
            )  # fmt: skip
    everything: hell_images.Images = {}
    for kind, make in hell_images.ODD.items():
        everything |= {f"{kind}_{name}": data for name, data in make().items()}
        entries = {name: data for name, data in everything.items() if name.startswith(kind)}
        cases.append(
            Case(f"legal: odd {kind}", f.files(bad=entries), TRAIN, f"B: {len(entries)} images", 0,
                 alone=True)
        )  # fmt: skip
    count = f"B: {len(everything)} images"
    cases.append(Case("legal: all odd images", f.files(bad=everything), TRAIN, count, 0))
    bits = hell_images.bit_flips()
    return [
        *cases,
        Case("legal: odd images scored", f.files(bad=bits), f"{SCORE} bad", "11 images", 0),
        Case("every image broken", f.files(bad=hell_images.broken()),
             f"{TRAIN} --skip-bad-images", "holds no readable image"),
        Case("legal: 8,000 x 8,000 pixels", big(8000, "RGB"), TRAIN, "B: 2 images", 0, alone=True),
        Case("legal: 8,000 x 8,000 with alpha", big(8000, "RGBA"), TRAIN, "B: 2 images", 0,
             alone=True),
        Case("legal: 4,000 x 4,000 as a reference of a run", big_beside_a_run(4000),
             f"{SCORE_RUN} bad", "2 images", 0,
             writes=("bad_run",), alone=True),
        Case("legal: 3,000 x 3,000 with alpha, scored", big(3000, "RGBA"), f"{SCORE} bad",
             "2 images", 0, alone=True),
        Case("6,000 x 6,000 scored as they are", big(6000, "RGB"), f"{SCORE} bad", "are too many"),
        Case("legal: 10,001 x 10,001 real pixels", big(10_001, "L"), TRAIN, "B: 2 images", 0,
             alone=True),
        Case("12,001 x 12,001 real pixels", big(12_001, "L"), TRAIN, "are too many"),
    ]  # fmt: skip


def big(side: int, mode: str) -> Make:
    def make(here, good) -> None:
        data = hell_images.large(side, mode)
        f.write(here / "bad", {"1.png": data, "2.png": data})

    return make


def big_beside_a_run(side: int) -> Make:
    def make(here, good) -> None:
        big(side, "RGB")(here, good)
        r.run_beside(here, good)

    return make


def record_cases() -> list[Case]:
    cases = [
        Case(f"record: {name}", f.files(bad={"x.tfrec": data}), TRAIN, f"x.tfrec|{words}")
        for name, (data, words) in hell_records.broken_records().items()
    ]
    odd = hell_records.odd_record_file()
    submit = "train TINY_CYCLEGAN --data bad --run run"
    return [
        *cases,
        Case("legal: record file of an odd name", f.files(bad={"a \udcff.tfrec": odd}), TRAIN,
             "B: 17 images", 0, alone=True),
        Case("legal: record file that is packed", f.files(bad={"x.tfrec": gzip.compress(odd)}),
             TRAIN, "B: 17 images", 0, alone=True),
        Case("record: length of 1e9 in a sparse file", f.sparse_record, TRAIN, "x.tfrec|record 0"),
        Case("legal: record: a folder", f.special("folder", "x.tfrec"), TRAIN, "B: 2 images", 0,
             alone=True),
        Case("record: a pipe", f.special("pipe", "x.tfrec"), TRAIN, "x.tfrec|is no file"),
        Case("record: a pipe, scored", f.special("pipe", "x.tfrec"), f"{SCORE} bad/x.tfrec",
             "x.tfrec"),
        Case("record: a dangling link", f.special("dangling", "x.tfrec"), TRAIN, "x.tfrec"),
        Case("record: a loop", f.special("loop", "x.tfrec"), TRAIN, "x.tfrec"),
        Case("record: endless", f.special("endless", "x.tfrec"), TRAIN, "x.tfrec|is no file"),
        Case("record: cut off, scored", f.files(bad={"x.tfrec": odd[:999]}), f"{SCORE} bad",
             "x.tfrec: record"),
        Case("legal: records with names of paths, doubles and none, submitted", f.kaggle_set(odd),
             submit, f"images.zip, {len(hell_records.odd_names())} images", 0, alone=True),
    ]  # fmt: skip


def file_cases() -> list[Case]:
    kinds = {
        "pipe": "is no file", "socket": "is no file",
        "dangling": "No such file", "loop": "symbolic links", "endless": "is no file",
        "sparse": "bytes are too many",
    }  # fmt: skip
    cases = [
        Case(f"image is: {kind}", f.special(kind, "x.jpg"), TRAIN, f"x.jpg|{words}")
        for kind, words in kinds.items()
    ]
    return [
        *cases,
        Case("legal: image is: a folder", f.special("folder", "x.jpg"), TRAIN, "B: 2 images", 0,
             alone=True),
        Case("image is: a pipe, scored", f.special("pipe", "x.jpg"), f"{SCORE} bad", "is no file"),
        Case("image is: locked", f.special("locked", "x.jpg"), TRAIN, "Permission denied",
             unprivileged=True),
        Case("image is: memory of the process", f.linked_image("/proc/self/mem"), TRAIN, "x.jpg"),
        Case("legal: odd file names", f.odd_names, TRAIN, "B: 14 images", 0, alone=True),
        Case("broken image of an odd name", f.broken_with_odd_name, TRAIN, "is no image"),
        Case("data: missing", f.nothing, TRAIN, "bad does not exist"),
        Case("data: a file", lambda here, good: f.write(here, {"bad": b""}), TRAIN, "is a file"),
        Case("data: a pipe", lambda here, good: f.place_special("pipe", here / "bad"), TRAIN,
             "bad is a file"),
        Case("data: an archive", lambda here, good: f.write(here, {"bad": gzip.compress(b"x")}),
             TRAIN, "archive: unpack it"),
        Case("data: empty", f.files(bad={}), TRAIN, "holds no images"),
        Case("data: other files", f.files(bad={"x.txt": b"", "y.mp4": b""}), TRAIN,
             "no images|1 .mp4"),
        Case("data: a loop", f.linked("bad", "bad"), TRAIN, "bad does not exist"),
        Case("data: a dangling link", f.linked("bad", "gone"), TRAIN, "bad does not exist"),
        Case("data: locked", f.locked_folder, TRAIN, "no permission", unprivileged=True),
        Case("data: inside a locked folder", f.locked_folder,
             "train TINY --b bad/in --run run", "bad/in", unprivileged=True),
        Case("data: inside a file", f.files(bad={"x.png": f.PNG}),
             "train TINY --b bad/x.png/y --run run", "does not exist"),
        Case("data: name too long", f.nothing, "train TINY --b LONG --run run", "too long"),
        Case("data: name of no UTF-8", f.nothing, "train TINY --b no\udcff --run run", "not exist"),
        Case("data: phone pictures alone", f.files(bad={"1.HEIC": hell_images.HEIC}), TRAIN,
             "HEIC"),
        Case("data: a damaged phone picture beside others",
             f.files(bad={"1.HEIC": hell_images.HEIC, "2.png": f.PNG, "3.png": f.PNG}), TRAIN,
             "1.HEIC is no image|damaged"),
        Case("image: a phone picture by another name",
             f.files(bad={"1.jpg": hell_images.HEIC, "2.png": f.PNG}), TRAIN,
             "1.jpg is no image|HEIC"),
        Case("legal: pictures in folders inside",
             f.files(**{"bad/in": {"1.png": f.PNG}, "bad/in/more": {"2.png": f.PNG}}), TRAIN,
             "B: 2 images", 0, alone=True),
        Case("legal: a zip as a domain", f.pictures_zip("1.png", "2.png", "3.png"),
             "train TINY --b bad.zip --run run", "B: 3 images", 0, alone=True),
        Case("data: a bucket of no kind", f.nothing, "train TINY --b nosuch://x/y --run run",
             "nosuch://x/y cannot be read by TensorFlow"),
        Case("data: several sets",
             f.files(**{f"bad/{n}/train{d}": {"1.png": f.PNG} for n in "12" for d in "AB"}),
             "train TINY_CYCLEGAN --data bad --run run", "several data sets (1, 2)"),
        Case("data: Keras of another library", f.nothing, "train TINY --b GOOD/b --run run",
             "set up for jax|KERAS_BACKEND to tensorflow", environment=(("KERAS_BACKEND", "jax"),)),
        Case("data: no known layout", f.files(bad={"x": b""}),
             "train TINY_CYCLEGAN --data bad --run run", "no known layout"),
        Case("data: one domain is a file", f.half_layout,
             "train TINY_CYCLEGAN --data bad --run run", "no known layout"),
        Case("data: one domain is empty", f.files(**{"bad/trainA": {}, "bad/trainB": {}}),
             "train TINY_CYCLEGAN --data bad --run run", "trainA and trainB hold no images"),
        Case("data: 1 image for a batch of 2", f.files(bad={"1.png": f.PNG}), TRAIN, "at least 2"),
        Case("legal: one folder as A and B", f.nothing,
             "train TINY_CYCLEGAN --a GOOD/a --b GOOD/a --run run", "are one folder|A is B", 0,
             alone=True),
        Case("name too long, scored", f.nothing, f"{SCORE} LONG", "too long"),
    ]  # fmt: skip


def zip_cases() -> list[Case]:
    score = f"{SCORE} bad.zip"
    names = ("../../evil.png", "/etc/x.png", "a/../../b.png", "C:\\x.png", "~/x.png", "c\n.png")
    cut = {"half": 0.5, "tenth": 0.1, "nearly all": 0.98}
    return [
        Case("legal: zip with .. and absolute names", f.pictures_zip(*names), score, "4 images", 0),
        Case("legal: zip with doubled names", f.pictures_zip("1.png", "1.png"), score,
             "2 images", 0),
        Case("zip: locked entries", f.patched_zip(lambda data: f.with_field(data, 6, 8, "<H", 1)),
             score, "1.png cannot be read|encrypted"),
        Case("zip: unknown compression",
             f.patched_zip(lambda data: f.with_field(data, 8, 10, "<H", 99)), score,
             "1.png cannot be read"),
        Case("zip: wrong checksum",
             f.patched_zip(lambda data: f.with_field(data, 14, 16, "<I", 1)), score,
             "1.png cannot be read|CRC"),
        Case("zip: entry claims 3 GB",
             f.patched_zip(lambda data: f.with_field(data, 22, 24, "<I", 3 * 10**9)), score,
             "1.png|too many"),
        Case("zip: entry claims 9 bytes",
             f.patched_zip(lambda data: f.with_field(data, 22, 24, "<I", 9)), score, "1.png"),
        Case("zip: bomb", f.zip_bomb, score, "bomb.png|too many"),
        Case("zip: zips", f.zip_of_zips, score, "holds no images"),
        Case("zip: empty", f.zipped([]), score, "holds no images"),
        Case("zip: folders alone", f.zipped([("x.png/", b"")]), score, "holds no images"),
        Case("zip: no bytes", lambda here, good: f.write(here, {"bad.zip": b""}), score,
             "cannot be read as a zip"),
        Case("zip: text", lambda here, good: f.write(here, {"bad.zip": b"text" * 99}), score,
             "cannot be read as a zip"),
        Case("zip: broken image of an odd name", f.zipped([("a\nb\x1b[2J.png", b"no")]), score,
             "is no image"),
        Case("zip: header bomb",
             f.zipped([("1.png", hell_images.png_claiming(20_000, 20_000))]), score,
             "entry 1.png is no image"),
        Case("zip: entries overlap",
             f.patched_zip(lambda data: f.with_field(data, 99, 42, "<I", 0)), score, "cannot be"),
        *(Case(f"zip: cut off, {name}",
               f.patched_zip(lambda data, part=part: data[: int(len(data) * part)]), score,
               "cannot be read as a zip") for name, part in cut.items()),
        Case("zip: a pipe", lambda here, good: f.place_special("pipe", here / "bad.zip"), score,
             "bad.zip"),
    ]  # fmt: skip


def baselines() -> list[Case]:
    """Ordinary uses and refusals: what the seconds of the others are compared with."""
    return [
        Case("ordinary training", f.nothing, "train TINY --b GOOD/b --run run", "B: 4", 0,
             alone=True),
        Case("ordinary training of a CycleGan", f.nothing,
             "train TINY_CYCLEGAN --data GOOD/data --run run", "images.zip, 2 images", 0,
             alone=True),
        Case("ordinary refusal to train", f.nothing, "train TINY --b gone --run run", "not exist"),
        Case("ordinary pictures", f.nothing, "generate --run GOOD/dcgan --count 1 --output out",
             "1 pictures", 0, writes=("out",)),
        Case("ordinary refusal of pictures", f.nothing, GENERATE, "bad holds no run"),
        Case("ordinary scores", f.nothing, f"{SCORE} GOOD/a", "4 images", 0),
        Case("ordinary scores of a run", r.run_beside, f"{SCORE_RUN} GOOD/b", "4 images", 0,
             writes=("bad_run",), alone=True),
        Case("ordinary refusal to score", f.files(bad={}), f"{SCORE} bad", "holds no images"),
        Case("images: missing", f.nothing, f"{SCORE} gone", "does not exist"),
        Case("ordinary demo", f.nothing, "demo --size 16 --count 1 --output out", "1 photos", 0,
             writes=("out",), alone=True),
        Case("ordinary refusal of a demo", f.nothing, "demo --size 1", "--size is 1"),
        *translate_baselines(),
    ]  # fmt: skip


def all_cases() -> list[Case]:
    cases = [
        *baselines(), *image_cases(), *record_cases(), *file_cases(), *zip_cases(), *run_cases(),
        *command_cases(), *translate_cases(),
    ]  # fmt: skip
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise ValueError(f"doubled names: {sorted(n for n in names if names.count(n) > 1)}")
    return cases
