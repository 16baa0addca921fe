"""Cases from hell, continued: what translate is given to read, and where it is told to write."""

from tests.hell import files as f
from tests.hell import images as hell_images
from tests.hell import records as hell_records
from tests.hell.case import Case

TRANSLATE = "translate --run GOOD/cyclegan --output out"
WRITES = ("out",)


def translate_baselines() -> list[Case]:
    return [
        Case("ordinary translation", f.nothing, f"{TRANSLATE} GOOD/a", "4 pictures", 0, WRITES),
        Case("ordinary refusal to translate", f.nothing,
             "translate --run bad --output out GOOD/a", "bad holds no run"),
    ]  # fmt: skip


def translate_cases() -> list[Case]:
    broken = hell_images.broken()
    odd: hell_images.Images = {}
    for kind, make in hell_images.ODD.items():
        odd |= {f"{kind}_{name}": data for name, data in make().items()}
    names = (
        "../../evil.png",
        "/etc/x.png",
        "C:\\x.png",
        "~/x.png",
        "c\n.png",
        "a/1.png",
        "b/1.png",
    )
    kinds = {
        "pipe": "of another kind", "socket": "of another kind", "dangling": "does not exist",
        "loop": "does not exist", "endless": "of another kind", "sparse": "too many",
    }  # fmt: skip
    outputs = {
        "a file": (f.file("bad"), "bad", "bad exists"),
        "a folder": (f.files(bad={"x": b""}), "bad", "bad exists"),
        "a loop": (f.linked("bad", "bad"), "bad", "bad exists"),
        "inside a file": (f.file("bad"), "bad/x.zip", "bad/x.zip"),
        "in /proc": (f.nothing, "/proc/x", "cannot be written"),
        "a zip in /proc": (f.nothing, "/proc/x.zip", "cannot be written"),
        "in a bucket": (f.nothing, "gs://bucket/x", "address of a bucket"),
        "of too long a name": (f.nothing, "LONG", "too long"),
        "a picture, of four": (f.nothing, "x.png", "name of one picture"),
        "of a kind that is not written": (f.nothing, "x.pdf", "suffix that is not written"),
    }
    return [
        *(Case(f"translated: {name}", f.files(bad={"good.png": f.PNG, name: broken[name]}),
               f"{TRANSLATE} bad", f"{name} is no image|--skip-bad-images")
          for name in ("half.jpg", "bomb_20000.png", "zero_bytes.jpg")),
        Case("translated: broken images left out",
             f.files(bad={"good.png": f.PNG, **broken}), f"{TRANSLATE} bad --skip-bad-images",
             f"1 picture; {len(broken)} unreadable images skipped", 0, WRITES),
        Case("legal: all odd images translated", f.files(bad=odd), f"{TRANSLATE} bad",
             f"{len(odd)} pictures", 0, WRITES),
        Case("legal: zip of evil names translated", f.pictures_zip(*names),
             f"{TRANSLATE} bad.zip", "6 pictures; 4 renamed", 0, WRITES),
        Case("legal: odd file names translated", f.odd_names, f"{TRANSLATE} bad", "14 pictures", 0,
             WRITES),
        Case("legal: records of odd names translated",
             f.files(bad={"x.tfrec": hell_records.odd_record_file()}), f"{TRANSLATE} bad/x.tfrec",
             "17 pictures", 0, WRITES),
        Case("translated: zip bomb", f.zip_bomb, f"{TRANSLATE} bad.zip", "bomb.png|too many"),
        Case("translated: half a zip", f.patched_zip(lambda data: data[: len(data) // 2]),
             f"{TRANSLATE} bad.zip", "cannot be read as a zip"),
        Case("translated: record cut off",
             f.files(bad={"x.tfrec": hell_records.odd_record_file()[:999]}),
             f"{TRANSLATE} bad/x.tfrec", "x.tfrec: record"),
        *(Case(f"translated: {kind}", f.thing(kind, "bad.jpg"), f"{TRANSLATE} bad.jpg",
               f"bad.jpg|{words}") for kind, words in kinds.items()),
        Case("translated: locked", f.thing("locked", "bad.jpg"), f"{TRANSLATE} bad.jpg",
             "Permission denied", unprivileged=True),
        Case("translated: by a DcGan", f.nothing, "translate --run GOOD/dcgan --output out GOOD/a",
             "expected one of --model cyclegan"),
        *(Case(f"translated, output: {name}", make,
               f"translate --run GOOD/cyclegan --output {path} GOOD/a", words)
          for name, (make, path, words) in outputs.items()),
        Case("translated, output: locked", f.locked_folder,
             "translate --run GOOD/cyclegan --output bad/x GOOD/a", "bad/x", unprivileged=True),
        Case("flag: a tile of 10^12 pixels", f.nothing, f"{TRANSLATE} GOOD/a --tile {10**12}",
             "--tile is"),
        Case("flag: a strength of 2", f.nothing, f"{TRANSLATE} GOOD/a --strength 2",
             "--strength is 2.0"),
        Case("flag: a canvas of words", f.nothing, f"{TRANSLATE} GOOD/a --canvas huge",
             "--canvas is huge|auto or full"),
        Case("flag: weights that nobody ships", f.nothing,
             "translate --weights gone --output out GOOD/a", "'gone' and go ab|there are:"),
        Case("weights file: text", f.file("bad.npz"),
             "translate --weights bad.npz --output out GOOD/a", "bad.npz holds no generator"),
        Case("weights file: a pipe", f.thing("pipe", "bad.npz"),
             "translate --weights bad.npz --output out GOOD/a", "bad.npz holds no generator"),
        Case("exported: a DcGan", f.nothing, "export --run GOOD/dcgan --output out.npz",
             "expected one of --model cyclegan"),
        Case("exported: into /proc", f.nothing, "export --run GOOD/cyclegan --output /proc/x.npz",
             "/proc/x.npz cannot be written"),
        Case("exported: over a file", f.file("bad.npz"),
             "export --run GOOD/cyclegan --output bad.npz", "bad.npz exists"),
        Case("flag: a translation of no size", f.nothing, f"{TRANSLATE} GOOD/a --size -1",
             "--size is -1"),
    ]  # fmt: skip
