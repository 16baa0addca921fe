"""Sets of pictures in memory at the size of judging, and which of them a training has seen."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.build import reopen_data_set
from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.data.sources import ResizedPictures, load_pictures
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError

SIZE = 256  # pixels a side: what the competition sees
HELD_OUT = 1 / 3  # of the paintings, to judge with where a recipe is chosen


@dataclasses.dataclass(frozen=True)
class PictureSet:
    """Pictures of one size in memory; iterating yields `(h, w, 3)` uint8.

    Attributes:
        title: what progress bars and tables call the set.
        pixels: `(n, h, w, 3)` uint8.
        names: one a picture.
        hashes: SHA-256 of each picture's file, or nothing where there are no files.
        digest: of all that the pixels depend on.
    """

    title: str
    pixels: np.ndarray
    names: tuple[str, ...]
    hashes: tuple[str, ...] = ()
    digest: str = ""

    def __len__(self) -> int:
        return len(self.pixels)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.pixels)

    def take(self, places: Sequence[int]) -> "PictureSet":
        """The pictures at these places, in that order."""
        hashes = tuple(self.hashes[i] for i in places) if self.hashes else ()
        names = tuple(self.names[i] for i in places)
        digest = f"{self.digest} {list(places)}"
        return PictureSet(self.title, self.pixels[list(places)], names, hashes, digest)

    def without(self, hashes: Iterable[str]) -> list[int]:
        """Places of the pictures whose files are not among these."""
        known = set(hashes)
        return [i for i, found in enumerate(self.hashes) if found not in known]


def read_pictures(paths: Sequence[Path], title: str, size: int = SIZE) -> PictureSet:
    """Reads folders, TFRecords or zips as one set, pictures that come again left out.

    Args:
        paths: as `load_pictures` takes them.
        title: of the set.
        size: pixels a side; larger pictures are reduced, centred squares of oblong ones taken.

    Raises:
        InputError: if something cannot be read.
    """
    pixels, names, hashes = [], [], []
    for path in paths:
        files = load_pictures(path, mixed_sizes=True)
        encoded = (data for _, _, data in open_source(path).read())
        pictures = ResizedPictures(files, size)
        for name, data, picture in zip(files.names, encoded, pictures, strict=True):
            found = hashlib.sha256(data).hexdigest()
            if found not in hashes:
                pixels.append(picture)
                names.append(name)
                hashes.append(found)
    digest = hashlib.sha256(" ".join([str(size), *hashes]).encode()).hexdigest()
    return PictureSet(title, np.stack(pixels), tuple(names), tuple(hashes), digest)


def held_out(hashes: Sequence[str], share: float = HELD_OUT) -> list[int]:
    """Places of the paintings to judge with; the rest is to be trained on.

    The files' own hashes decide, so that their order, names and shards do not matter.
    """
    order = sorted(range(len(hashes)), key=lambda i: hashes[i])
    return sorted(order[: round(len(hashes) * share)])


def seen_by(config: TrainConfig) -> tuple[frozenset[str], frozenset[str]]:
    """Hashes of the files of domain A and domain B that a run was trained on.

    Raises:
        InputError: if its data set cannot be read.
    """
    data = reopen_data_set(config, as_stored=True)
    return _hashes(data.train_a), _hashes(data.train_b)


def _hashes(images: ImageSet) -> frozenset[str]:
    # what needs no conversion is kept as the file has it, as all JPEGs of the competition are
    return frozenset(hashlib.sha256(data).hexdigest() for data in images.encoded)


def write_split(data: Path, output: Path) -> Path:
    """Writes the data set that recipes are tried on, without what they are judged with.

    It has all photo shards but the last, as links, and two thirds of the paintings; its names are
    not Kaggle's, so that no time goes into an `images.zip`.

    Args:
        data: folder in Kaggle's TFRecord layout.
        output: of the new folder; one that is there is taken as it is.

    Returns:
        The folder.

    Raises:
        InputError: if the layout is another.
    """
    photos, _ = photo_shards(data)
    if output.is_dir():
        return output
    for folder in ("trainA", "trainB"):
        (output / folder).mkdir(parents=True)
    for shard in photos:
        (output / "trainA" / shard.name).symlink_to(shard.resolve())
    entries = [(name, encoded) for _, name, encoded in open_source(data / "monet_tfrec").read()]
    judges = set(held_out([hashlib.sha256(encoded).hexdigest() for _, encoded in entries]))
    kept = [entry for i, entry in enumerate(entries) if i not in judges]
    write_records(output / "trainB" / f"monet-{len(kept)}.tfrec", "monet", kept)
    return output


def photo_shards(data: Path) -> tuple[list[Path], Path]:
    """The photo shards to train on, and the one to judge with, the last.

    Raises:
        InputError: if there are fewer than two, or no paintings.
    """
    shards = sorted((data / "photo_tfrec").glob("*.tfrec"))
    if len(shards) < 2 or not (data / "monet_tfrec").is_dir():
        raise InputError(
            f"{data} is not in Kaggle's TFRecord layout, with two shards of photos at least; "
            "expected photo_tfrec/*.tfrec and monet_tfrec/*.tfrec. Check --data."
        )
    return shards[:-1], shards[-1]
