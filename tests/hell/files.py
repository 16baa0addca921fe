"""Files and folders from hell: links, pipes, archives, damaged runs; and the good ones beside."""

import os
import socket
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.hell.images import encode, picture
from tests.hell.records import frame, image_record

Make = Callable[[Path, Path], None]  # fills the folder of a case, given that of the good files
PNG = encode(picture(), "PNG")
NETWORK = {"image_size": 32, "base_filters": 2, "discriminator_filters": 2}
DCGAN = {**NETWORK, "model": "dcgan", "latent_size": 4}
CYCLEGAN = {
    **NETWORK, "generator": "resnet", "residual_blocks": 0, "discriminator_layers": 1,
}  # fmt: skip


def write(folder: Path, entries: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in entries.items():
        (folder / name).write_bytes(data)


def files(**folders: dict[str, bytes]) -> Make:
    """Makes folders of files: `files(bad={"x.jpg": b""})`."""

    def make(here: Path, good: Path) -> None:
        for name, entries in folders.items():
            write(here / name, entries)

    return make


def nothing(here: Path, good: Path) -> None:
    """There is nothing to make."""


def make_good(folder: Path) -> None:
    """What is right, for the other half of each command: images, a graph, two untrained runs."""
    from tests.metrics.test_evaluation import write_run
    from tests.tiny_inception import write_tiny_graph

    for name, first in (("a", 0), ("b", 10), ("two", 20)):
        count = 2 if name == "two" else 4
        write(folder / name, {f"{n}.png": encode(picture(first + n), "PNG") for n in range(count)})
    write(folder / "data/photo_tfrec", {"p.tfrec": image_record(b"p1") + image_record(b"p2", 1)})
    write(folder / "data/monet_tfrec", {"m.tfrec": image_record(b"m1") + image_record(b"m2", 1)})
    write_tiny_graph(folder / "graph.pb")
    write_run(folder / "dcgan", **DCGAN, b="../../good/b")
    write_run(folder / "cyclegan", **CYCLEGAN, a="../../good/a", b="../../good/b")


def special(kind: str, name: str, folder: str = "bad") -> Make:
    """A thing that is no regular file where one is expected; and a good picture beside it."""

    def make(here: Path, good: Path) -> None:
        write(here / folder, {"good.png": PNG, "good2.png": PNG})
        place_special(kind, here / folder / name)

    return make


def place_special(kind: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # the address has room for 100 bytes
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
        os.chdir(here)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(8 * 2**30)
    else:
        path.write_bytes(PNG)
        path.chmod(0)


def locked_folder(here: Path, good: Path) -> None:
    write(here / "bad", {"x.png": PNG})
    (here / "bad").chmod(0)


def linked(name: str, target: str) -> Make:
    return lambda here, good: (here / name).symlink_to(target)


def odd_names(here: Path, good: Path) -> None:
    """Legal names that shells, terminals and encodings trip over."""
    folder = here / "bad"
    folder.mkdir()
    names = [b"with space.png", b"two\nlines.png", b"tab\t.png", "Frühling 春 🎨.png".encode(),
             b"\xff\xfe.png", b"-rf.png", b"$(touch evil).png", b"%s%n{}.png", b"x" * 251 + b".png",
             b"twin.png", b"twin.bmp", b"\x1b[31mred.png", b"a\\b.png", b"* ?.png"]  # fmt: skip
    for seed, name in enumerate(names):
        data = encode(picture(seed), "BMP" if name.endswith(b"bmp") else "PNG")
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(data)  # noqa: PTH118


def broken_with_odd_name(here: Path, good: Path) -> None:
    write(here / "bad", {"good.png": PNG})
    with open(os.fsencode(here / "bad") + b"/a\nb\xff\x1b[2J.png", "wb") as file:  # noqa: PTH123
        file.write(b"no image")


def kaggle_set(photos: bytes) -> Make:
    return files(**{
        "bad/photo_tfrec": {"p.tfrec": photos},
        "bad/monet_tfrec": {"m.tfrec": image_record(b"m1") + image_record(b"m2", 1)},
    })  # fmt: skip


def small_png() -> bytes:
    return encode(picture(height=16, width=16), "PNG")


def linked_image(target: str) -> Make:
    def make(here: Path, good: Path) -> None:
        write(here / "bad", {"good.png": PNG})
        (here / "bad/x.jpg").symlink_to(target)

    return make


def half_layout(here: Path, good: Path) -> None:
    write(here / "bad/trainA", {"1.png": PNG})
    (here / "bad/trainB").write_bytes(PNG)


def sparse_record(here: Path, good: Path) -> None:
    """A record that claims 1e9 bytes, and has them: all zero."""
    write(here / "bad", {"x.tfrec": frame(b"", length=10**9)[:12]})
    with (here / "bad/x.tfrec").open("r+b") as file:
        file.truncate(10**9 + 100)


def graph(change: Callable[[bytes], bytes]) -> Make:
    return lambda here, good: write(here, {"bad.pb": change((good / "graph.pb").read_bytes())})


def thing(kind: str, name: str) -> Make:
    return lambda here, good: place_special(kind, here / name)


def file(name: str) -> Make:
    return lambda here, good: write(here, {name: b"text"})


# Zips


def zipped(entries: list[tuple[str, bytes]]) -> Make:
    def make(here: Path, good: Path) -> None:
        with (
            warnings.catch_warnings(),
            zipfile.ZipFile(here / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            warnings.simplefilter("ignore")  # of doubled names
            for name, data in entries:
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)

    return make


def pictures_zip(*names: str) -> Make:
    return zipped([(name, encode(picture(i), "PNG")) for i, name in enumerate(names)])


def patched_zip(change: Callable[[bytes], bytes], *names: str) -> Make:
    """A zip of pictures, its bytes changed."""

    def make(here: Path, good: Path) -> None:
        pictures_zip(*(names or ("1.png", "2.png", "3.png")))(here, good)
        path = here / "bad.zip"
        path.write_bytes(change(path.read_bytes()))

    return make


def with_field(data: bytes, local: int, central: int, form: str, value: int) -> bytes:
    """A zip with a number changed in every local and central header, at these offsets."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        place = data.find(mark)
        while place >= 0:
            struct.pack_into(form, changed, place + offset, value)
            place = data.find(mark, place + 4)
    return bytes(changed)


def zip_of_zips(here: Path, good: Path) -> None:
    pictures_zip("1.png", "2.png")(here, good)
    inner = (here / "bad.zip").read_bytes()
    zipped([("inner.zip", inner), ("more/inner2.zip", inner)])(here, good)


def zip_bomb(here: Path, good: Path) -> None:
    """300 MB of zeros behind a picture's name, in 300 kB."""
    with (
        zipfile.ZipFile(here / "bad.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("bomb.png", "w") as entry,
    ):
        for _ in range(300):
            entry.write(bytes(2**20))
