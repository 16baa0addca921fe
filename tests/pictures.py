"""Small pictures with known contents."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.tfrecord import write_records


def png(pixels: np.ndarray) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG")


def encoded(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def flat(value: int, size: int = 32) -> np.ndarray:
    """A picture of one grey."""
    return np.full((size, size, 3), value, np.uint8)


def noise(seed: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def image_set(count: int, *, size: int = 32, prefix: str = "image") -> ImageSet:
    """Pictures of one grey each: the first pixel tells which one it is."""
    names = tuple(f"{prefix}{i}" for i in range(count))
    return ImageSet(names, tuple(png(flat(i, size)) for i in range(count)))


def write_folder(folder, pictures: ImageSet) -> None:
    folder.mkdir(parents=True)
    for name, data in zip(pictures.names, pictures.encoded, strict=True):
        (folder / f"{name}.png").write_bytes(data)


def write_kaggle(folder, photos: ImageSet, monets: ImageSet) -> None:
    for kind, pictures in (("photo", photos), ("monet", monets)):
        (folder / f"{kind}_tfrec").mkdir(parents=True)
        path = folder / f"{kind}_tfrec" / f"{kind}00.tfrec"
        write_records(path, kind, zip(pictures.names, pictures.encoded, strict=True))


def write_zip(path: Path, entries: dict[str, bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def write_files(path: Path, entries: dict[str, bytes]) -> Path:
    path.mkdir()
    for name, data in entries.items():
        (path / name).write_bytes(data)
    return path
