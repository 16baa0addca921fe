"""What a path holds: pictures of folders, zips, TFRecords and Parquet files, found by content.

All commands read through this file, so that all take the same pictures and say the same of the
rest.
"""

import atexit
import contextlib
import functools
import importlib.util
import io
import os
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from cyclegan_tf.data.tfrecord import (
    Features,
    begins_records,
    claims_records,
    count_records,
    read_records,
    without_suffix,
)
from cyclegan_tf.errors import InputError, first_line
from cyclegan_tf.io import display
from cyclegan_tf.io.files import ADDRESS, MOST_BYTES, is_hidden, read_file, require_file, user_path
from cyclegan_tf.io.formats import (
    HEAD,
    HIDDEN,
    PARQUET,
    UNREADABLE,
    Kind,
    claims_picture,
    holds_several,
    is_picture,
    kind_of,
)

if TYPE_CHECKING:  # it is not always there
    import pyarrow.parquet as pq

Entry = tuple[str, str, bytes]  # where an image is (for errors), its name, its encoded bytes

# Every way in which a damaged or locked entry makes `zipfile` fail.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError,
    struct.error,
)  # fmt: skip
_NAMED = 12  # kinds of files left out that are told one by one
_PATIENCE = 3.0  # seconds without a progress bar
_STACKS = (".tif", ".tiff", ".gif", ".webp")  # suffixes of files that may hold many pictures
_ROWS = 64  # of a table, in memory at a time


class Member:
    """A file of a folder.

    Attributes:
        file: the file.
        path: its place, from where it was looked for.
        origin: where it is, for errors.
        faults: what reading the stream may raise.
    """

    faults: tuple[type[Exception], ...] = ()

    def __init__(self, file: Path, path: PurePath) -> None:
        self.file, self.path, self.origin = file, path, str(file)

    def open(self) -> BinaryIO | None:
        """A stream of its bytes, if it is no file on the disk."""

    def head(self) -> bytes:
        """Its first bytes; raises `OSError`."""
        require_file(self.file)  # a pipe would be waited for
        with self.file.open("rb") as file:
            return file.read(HEAD)

    def read(self) -> bytes:
        """All its bytes.

        Raises:
            InputError: if it cannot be read.
        """
        try:
            return read_file(self.file)
        except OSError as error:
            raise InputError(f"{self.file} cannot be read ({error.strerror}); check it.") from error


class ZipMember(Member):
    """An entry of a zip; `file` is the zip."""

    faults = _ZIP_ERRORS

    def __init__(self, file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        super().__init__(file, PurePosixPath(info.filename))
        self.origin = f"{file}: entry {info.filename}"
        self._archive, self._info = archive, info

    def open(self) -> BinaryIO:
        """A stream of its bytes."""
        return self._archive.open(self._info)

    def head(self) -> bytes:
        """As of a file."""
        try:
            with self.open() as entry:
                return entry.read(HEAD)
        except _ZIP_ERRORS as error:
            raise OSError(str(error)) from error

    def read(self) -> bytes:
        """As of a file."""
        if self._info.file_size > MOST_BYTES:
            raise InputError(
                f"{self.origin} has {self._info.file_size:,} bytes, which are too many; at most "
                f"{MOST_BYTES:,} are read. Remove it from the zip."
            )
        with self._guarded():
            return self._archive.read(self._info)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except _ZIP_ERRORS as error:
            raise InputError(
                f"{self.origin} cannot be read ({error}); replace it, or write the zip again."
            ) from error


@dataclass(frozen=True)
class Source:
    """Pictures that were found, to be read as often as wanted, one at a time.

    Attributes:
        title: where they are.
        parts: files and entries that hold them, and how each is read.
        left_out: how many files of other kinds lie there.
        folders: how many folders inside of it pictures lie in.
        features: what the features of records, or the columns of tables, are called.
    """

    title: str
    parts: tuple[tuple[str, Member], ...]
    left_out: Counter[Kind]
    folders: int = 0
    features: Features = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The title's last part."""
        return PurePath(self.title).name

    @property
    def records(self) -> list[Path]:
        """The TFRecord files among the parts."""
        return [m.file for kind, m in self.parts if kind == "records" and type(m) is Member]

    def __len__(self) -> int:
        return sum(_COUNT[kind](member) for kind, member in self.parts)

    def read(self) -> Iterator[Entry]:
        """Yields origin, name and encoded bytes of every picture, in each call the same.

        Raises:
            InputError: if something cannot be read.
        """
        for kind, member in self.parts:
            yield from _READ[kind](member, self.features)

    def tell(self) -> None:
        """Tells the user what was left out, and that subfolders were looked into."""
        told = [f"{self.folders:,} of its folders looked into"] if self.folders else []
        if several := sum(_holds_several(m) for kind, m in self.parts if kind == "picture"):
            told.append(f"{several:,} of them the first of several in a file")
        if self.left_out:
            told.append(f"left out: {tell_kinds(self.left_out)}")
        if told:
            count = len(self)
            pictures = f"{count:,} picture{'' if count == 1 else 's'}"
            print(f"note: {self.title}: {'; '.join([pictures, *told])}", file=sys.stderr)


def tell_kinds(kinds: Counter[Kind]) -> str:
    """How many files there are of each kind, and what makes pictures of them."""
    # first those of which pictures can be made
    order = sorted(kinds.items(), key=lambda item: (not item[0].remedy, -item[1], item[0]))
    most = order[:_NAMED]
    named = [f"{count:,} {kind.name}" for kind, count in most]
    if others := kinds.total() - sum(count for _, count in most):
        named.append(f"{others:,} of other kinds")
    remedies = [str(kind) for kind, _ in most if kind.remedy]
    return ", ".join(named) + (f" ({'; '.join(remedies)})" if remedies else "")


def open_source(
    path: str | Path, *, features: Features | None = None, single: bool = False
) -> Source:
    """Finds the pictures of a path.

    Args:
        path: a folder of pictures, TFRecords or Parquet files, with the folders in it; a zip of
            such files; one file of TFRecords or Parquet; or the address of a folder in a bucket.
        features: what the features of records are called, if that cannot be told.
        single: take a file of any other kind as one picture.

    Raises:
        InputError: if the path leads to nothing of this.
    """
    path = local(path)
    if holds_files(path):
        return require_pictures(make_source(str(path), list_members(path), features=features))
    if path.is_file():
        member = _alone(path)
        kind = _kind(member)
        if single and isinstance(kind, Kind):
            kind = "picture"
        if kind in ("records", "table") or single:
            return Source(str(path), ((kind, member),), Counter(), features=features or {})
    image = "an image, " if single else ""
    raise wrong_path(path, f"{image}a folder of images, TFRecords, or a file NAME.zip of images")


def holds_files(path: Path) -> bool:
    """Whether a path leads to a folder or a zip, whatever that is called."""
    if path.is_dir():
        return True
    named = path.suffix.lower() == ".zip"
    return path.is_file() and (
        named or (zipfile.is_zipfile(path) and isinstance(_kind(_alone(path)), Kind))
    )


def wrong_path(path: Path, expected: str) -> InputError:
    """What to tell of a path that leads to nothing of what is expected."""
    what = "does not exist"
    if path.exists():
        kind = _kind(_alone(path))
        remedy = f" ({kind})" if isinstance(kind, Kind) and kind.remedy else ""
        what = f"is a file of another kind{remedy}"
    return InputError(f"{path} {what}; expected {expected}. Check the path.")


def _alone(path: Path) -> Member:
    return Member(path, PurePath(path.name.lstrip(".")))


def list_members(path: Path) -> list[Member]:
    """All files of a folder and of the folders in it, or of a zip, sorted; none is read.

    Raises:
        InputError: if that cannot be done.
    """
    if path.is_dir():
        members = [Member(file, file.relative_to(path)) for file in _walk(path)]
    else:
        members = _zip_members(path)
    return sorted(members, key=lambda member: member.path.parts)


def make_source(
    title: str, members: Iterable[Member], *, depth: int = 0, features: Features | None = None
) -> Source:
    """Looks which files hold pictures, and counts the others by kind.

    Args:
        title: where they are.
        members: the files.
        depth: folders of their paths that do not count as inside.
        features: as of `open_source`.
    """
    parts, left_out, folders = [], Counter(), set()
    for member in members:
        kind = _kind(member)
        if isinstance(kind, Kind):
            left_out[kind] += 1
            continue
        parts.append((kind, member))
        if len(member.path.parts) > depth + 1 and type(member) is Member:
            folders.add(member.path.parent)
    return Source(title, tuple(parts), left_out, len(folders), features or {})


def require_pictures(source: Source) -> Source:
    """The source itself.

    Raises:
        InputError: if it holds nothing.
    """
    if source.parts:
        return source
    found = f" (found: {tell_kinds(source.left_out)})" if source.left_out else ""
    raise InputError(
        f"{source.title} holds no images{found}; expected pictures of a format that Pillow reads, "
        "or TFRecords. Check the path."
    )


def local(path: str | Path) -> Path:
    """The path itself, or where the files were copied to that an address names (gs://...).

    Raises:
        InputError: if TensorFlow cannot read there.
    """
    path = user_path(path)
    found = ADDRESS.match(path.as_posix())
    if not found or path.exists():
        return path
    rest = path.as_posix()[found.end() :]
    return _fetch(f"{found[1]}://{rest}") / PurePosixPath(rest).name


@functools.cache
def _fetch(address: str) -> Path:
    """Copies a folder or file to a folder that is there as long as this process."""
    import tensorflow as tf

    kept = Path(tempfile.mkdtemp(prefix="cyclegan_tf-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    try:
        walked = list(tf.io.gfile.walk(address))
        files = [f"{here.rstrip('/')}/{name}" for here, _, names in walked for name in names]
        start = len(address.rstrip("/").rsplit("/", 1)[0]) + 1
        with display.bar(None, title=f"fetching {address}", unit="file", delay=_PATIENCE) as bar:
            for file in files or [address]:
                target = kept / file[start:]
                target.parent.mkdir(parents=True, exist_ok=True)
                tf.io.gfile.copy(file, os.fspath(target))
                bar.update()
    except tf.errors.OpError as error:
        shutil.rmtree(kept, ignore_errors=True)
        raise InputError(
            f"{address} cannot be read by TensorFlow ({first_line(error)}); check the address, or "
            "copy the folder here first, as with gcloud storage cp -r."
        ) from error
    return kept


def _walk(folder: Path) -> Iterator[Path]:
    """The files below a folder, through links, but of no folder twice, and of none hidden."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f"{folder} cannot be read (no permission); change its permissions.")
    seen: set[str] = set()
    try:
        for here, folders, names in os.walk(folder, followlinks=True, onerror=_raise):
            real = os.path.realpath(here)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not is_hidden(PurePath(name)))
            yield from (Path(here, name) for name in names)
    except OSError as error:
        place = error.filename or folder
        raise InputError(f"{place} cannot be read ({error.strerror}); check it.") from error


def _raise(error: OSError) -> None:
    raise error


def _zip_members(path: Path) -> Sequence[Member]:
    try:
        archive = zipfile.ZipFile(path)
        files = [info for info in archive.infolist() if not info.is_dir()]
        return [ZipMember(path, archive, info) for info in files]
    except (*_ZIP_ERRORS, ValueError) as error:  # of its directory, or its names' encoding
        raise InputError(
            f"{path} cannot be read as a zip ({error}); write it or fetch it again."
        ) from error


def _kind(member: Member) -> str | Kind:
    """How a file is read: as "picture", "records" or "table"; or what else it is."""
    if is_hidden(member.path):
        return HIDDEN
    if claims_records(member.path):
        return "records"
    if claims_picture(member.path):  # what it holds is seen when it is decoded
        return "picture"
    try:
        head = member.head()
        if begins_records(head):
            return "records"
        if is_picture(head, member.read):
            return "picture"
    except (OSError, InputError):
        return UNREADABLE
    kind = kind_of(member.path, head)
    return "table" if kind == PARQUET and has_pyarrow() else kind


def _holds_several(member: Member) -> bool:
    if member.path.suffix.lower() not in _STACKS:
        return False
    with contextlib.suppress(OSError, InputError):
        require_file(member.file)
        stream = io.BytesIO(member.read()) if isinstance(member, ZipMember) else None
        with stream or member.file.open("rb") as file:
            return holds_several(file)
    return False


def has_pyarrow() -> bool:
    """Whether Parquet files can be read."""
    return importlib.util.find_spec("pyarrow") is not None


def image_columns(member: Member) -> list[str]:
    """The columns of a Parquet file that hold images, as bytes or with their path beside them."""
    import pyarrow as pa

    with _opened_table(member) as table:
        fields = list(table.schema_arrow)

    def holds_images(kind: pa.DataType) -> bool:
        if pa.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    return [column.name for column in fields if holds_images(column.type)]


@contextlib.contextmanager
def _opened_table(member: Member) -> "Iterator[pq.ParquetFile]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO(member.read()) if isinstance(member, ZipMember) else member.file
    try:
        with pq.ParquetFile(content) as table:
            yield table
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{member.origin} cannot be read as a Parquet file ({first_line(error)}); fetch it "
            "again."
        ) from error


def _read_picture(member: Member, features: Features) -> Iterator[Entry]:
    yield member.origin, member.path.stem, member.read()


def _read_records(member: Member, features: Features) -> Iterator[Entry]:
    try:
        found = read_records(Path(member.origin), member.open(), features=features)
        for number, (name, encoded) in enumerate(found):
            yield f"{member.origin}: record {number} ({name})", name, encoded
    except member.faults as error:
        raise InputError(f"{member.origin} cannot be read ({error}); fetch it again.") from error


def _read_table(member: Member, features: Features) -> Iterator[Entry]:
    """The images of a column of a Parquet file, as Hugging Face's data sets hold them."""
    columns = image_columns(member)
    column, named = features.get("image") or next(iter(columns), ""), features.get("name")
    if column not in columns:
        raise InputError(
            f"{member.origin} has no column {column or 'of images'} (columns of images: "
            f"{', '.join(columns) or 'none'}); say which with --features image=NAME."
        )
    number = 0
    with _opened_table(member) as table:
        wanted = [column, *([named] if named else [])]
        for batch in table.iter_batches(batch_size=_ROWS, columns=wanted):
            for row in batch.to_pylist():
                value = row[column] if isinstance(row[column], dict) else {"bytes": row[column]}
                path = row.get(named) if named else value.get("path")
                stem = without_suffix(PurePath(str(path)).name) if path else ""
                name = stem or f"{member.path.stem}-{number}"
                yield f"{member.origin}: row {number} ({name})", name, value["bytes"] or b""
                number += 1


def _count_records(member: Member) -> int:
    try:
        return count_records(Path(member.origin), member.open())
    except member.faults:  # who reads it says so
        return 0


def _count_rows(member: Member) -> int:
    with _opened_table(member) as table:
        return table.metadata.num_rows


_READ: dict[str, Callable[[Member, Features], Iterator[Entry]]] = {
    "picture": _read_picture,
    "records": _read_records,
    "table": _read_table,
}
_COUNT: dict[str, Callable[[Member], int]] = {
    "picture": lambda member: 1,
    "records": _count_records,
    "table": _count_rows,
}
