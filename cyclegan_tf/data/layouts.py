"""Where images lie: layouts of data sets, files of a folder, and what is read from them."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from cyclegan_tf.data.tfrecord import count_records, read_records, record_files
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import is_hidden, read_file

# Kaggle has mounted a competition's files at the first place, and mounts them at the second now.
KAGGLE_DATA = (
    Path("/kaggle/input/gan-getting-started"),
    Path("/kaggle/input/competitions/gan-getting-started"),
)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
# A and B of each layout, in the order in which they are looked for, and whether Kaggle made it.
_LAYOUTS = (
    ("photo_tfrec", "monet_tfrec", True),
    ("photo_jpg", "monet_jpg", True),
    ("trainA", "trainB", False),
)
_TEST_FOLDERS = {"trainA": "testA", "trainB": "testB"}


def kaggle_data() -> Path | None:
    """The competition's folder, where this is a Kaggle machine that has it."""
    return next((folder for folder in KAGGLE_DATA if folder.is_dir()), None)


def find_layout(folder: Path) -> tuple[Path, Path, bool]:
    """Tells a data set's layout by what is there.

    Returns:
        The folder of domain A, the folder of domain B, whether it is Kaggle's data set.

    Raises:
        InputError: if the folder is missing or its layout is unknown.
    """
    _require_folder(folder)
    for name_a, name_b, kaggle_shaped in _LAYOUTS:
        if (folder / name_a).is_dir() and (folder / name_b).is_dir():
            return folder / name_a, folder / name_b, kaggle_shaped
    known = ", ".join(f"{name_a}/ and {name_b}/" for name_a, name_b, _ in _LAYOUTS)
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
    raise InputError(
        f"{folder} has no known layout (found: {found}); expected {known}. "
        "For two folders of your own use --a DIR --b DIR."
    )


def held_out_folder(folder: Path) -> Path | None:
    """The folder of test images beside one of training images, where the layout has it."""
    test = _TEST_FOLDERS.get(folder.name)
    return folder.parent / test if test and (folder.parent / test).is_dir() else None


def count_encoded(folder: Path) -> int:
    """How many images `read_encoded` would yield, unread; raises `InputError`, too."""
    _require_folder(folder)
    shards = record_files(folder)
    return sum(map(count_records, shards)) if shards else len(_image_files(folder))


def read_encoded(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yields `(origin, name, bytes)` of every image file or record in a folder, unchecked.

    What is hidden (`is_hidden`) is passed over.

    Raises:
        InputError: if the folder is missing or holds neither images nor TFRecords.
    """
    _require_folder(folder)
    shards = record_files(folder)
    for shard in shards:
        for number, (name, encoded) in enumerate(read_records(shard)):
            yield f"{shard}: record {number} ({name})", name, encoded
    if shards:
        return
    files = _image_files(folder)
    if not files:
        raise InputError(
            f"{folder} holds no images; expected *.tfrec files or images "
            f"({', '.join(IMAGE_SUFFIXES)}). Check the path."
        )
    yield from map(read_image, files)


def read_image(path: Path) -> tuple[str, str, bytes]:
    """Origin, name and bytes of one image file, unchecked.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return str(path), path.stem, read_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check it.") from error


def _image_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if is_picture(path.relative_to(folder)))
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); check it.") from error


def _require_folder(folder: Path) -> None:
    if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f"{folder} cannot be read (no permission); change its permissions.")
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}; expected a folder of images. Check the path.")


def is_picture(path: PurePath) -> bool:
    """Whether a file is taken for an image: by its suffix, and if it is not hidden.

    Args:
        path: as of `is_hidden`.
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path)
