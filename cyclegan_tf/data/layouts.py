"""Which pictures of a data set are A and B, and which are held out: told by how folders are called.

Neighbours spell the same layout in many ways: trainA, train_A, train/a, A/train; a folder deeper;
in a zip; as the shards cycle_gan-trainA.tfrecord-00000-of-00001.
"""

import itertools
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple, NoReturn

from cyclegan_tf.data.reader import (
    Member,
    Source,
    has_pyarrow,
    holds_files,
    image_columns,
    list_members,
    local,
    make_source,
    open_source,
    require_pictures,
    wrong_path,
)
from cyclegan_tf.data.tfrecord import Features, claims_records, parse_features
from cyclegan_tf.errors import InputError, shell_words
from cyclegan_tf.io.files import is_hidden
from cyclegan_tf.io.formats import claims_picture

# Kaggle has mounted a competition's files at the first place, and mounts them at the second now.
KAGGLE_DATA = (
    Path("/kaggle/input/gan-getting-started"),
    Path("/kaggle/input/competitions/gan-getting-started"),
)

# How a path is called whose parts are in lower case and without signs between words. Kaggle's
# records are looked for before the same pictures as files.
_HELD_OUT = "test(?:ing)?|val(?:id|idation)?"
_NAMES_TESTS = re.compile(f"(?:^|[^a-z])(?:{_HELD_OUT})(?:[^a-z]|$)")  # of a path in lower case
_SPLIT = f"train(?:ing)?|{_HELD_OUT}"
_SPELLINGS = (
    re.compile(r"(?:^|/)(?P<domain>photo|monet|truth)tfrec(?P<split>)(?P<after>)(?:/|$)"),
    re.compile(r"(?:^|/)(?P<domain>photo|monet)jpg(?P<split>)(?P<after>)(?:/|$)"),
    re.compile(
        rf"(?:^|/)(?P<split>(?:{_SPLIT})/?)?(?:domain|set)?(?P<domain>[ab])"
        rf"(?P<after>/?(?:{_SPLIT}))?(?:/|$)"
    ),
)
_DOMAINS = {"photo": "a", "monet": "b"}
_KNOWN = "photo_tfrec/ and monet_tfrec/, photo_jpg/ and monet_jpg/, trainA/ and trainB/"


class _Place(NamedTuple):
    """What a path says of a picture: how it is spelled, under which folder, and what it is."""

    spelling: int
    above: tuple[str, ...]
    domain: str
    is_test: bool
    folder: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where the pictures of both domains are.

    Attributes:
        a, b: what is trained on; A is missing where only B was given.
        test_a, test_b: what is held out, where the data set has it.
        truth: the true translations of some pictures of A.
        kaggle_shaped: whether it is the competition's data set.
    """

    a: Source | None
    b: Source
    test_a: Source | None = None
    test_b: Source | None = None
    truth: Source | None = None
    kaggle_shaped: bool = False

    def swapped(self) -> "Layout":
        """The same with A and B exchanged; it is no set of photos to become Monets any more."""
        return Layout(self.b, self.a, self.test_b, self.test_a)


def kaggle_data() -> Path | None:
    """The competition's folder, where this is a Kaggle machine that has it."""
    return next((folder for folder in KAGGLE_DATA if folder.is_dir()), None)


def find_layout(
    path: str | Path, features: Features | None = None, *, swap: bool = False
) -> Layout:
    """Tells a data set's layout by how its folders are called.

    Args:
        path: a folder, a zip, or the address of a folder in a bucket.
        features: what the features of records are called, if that cannot be told.
        swap: take A for B, and B for A.

    Raises:
        InputError: if there is no such thing, or its layout is unknown.
    """
    path = local(path)
    if not holds_files(path):
        raise wrong_path(path, "a folder of images, or a zip of one")
    # what the Finder packs beside a folder has the same names
    members = [member for member in list_members(path) if not is_hidden(member.path.parent)]
    places = _places(members)
    empty: list[Source] = []
    for spelling, above in _candidates(path, places):
        chosen = _chosen(path, places, (spelling, above), features)
        training = [chosen["a", False], chosen["b", False]]
        empty += [source for source in training if not source.parts]
        if all(source.parts for source in training):
            found = (chosen.get(key) for key in (("a", True), ("b", True), ("truth", False)))
            *tests, truth = (source if source and source.parts else None for source in found)
            _tell_names(path.joinpath(*above), swap=swap)
            _tell_tests(path.joinpath(*above), tests)
            layout = Layout(*training, *tests, truth, kaggle_shaped=spelling < 2)
            break
    else:
        if empty:
            require_pictures(empty[0])
        layout = _columns(path, members) or _refuse(path, members)
    return layout.swapped() if swap else layout


def named_layout(
    *, data: str = "", a: str = "", b: str = "", features: str = "", swap: bool = False
) -> Layout:
    """The layout of a data set, or of two paths.

    Args:
        data: a folder or zip in one of the known layouts, or empty.
        a: a folder of images or TFRecords, or a zip, of domain A; may be empty, too.
        b: the same of domain B.
        features: what the features of TFRecords are called, as of `parse_features`.
        swap: take A for B, and B for A.

    Raises:
        InputError: if there is no such thing, it holds no pictures, or its layout is unknown.
    """
    names = parse_features(features)
    if data:
        return find_layout(Path(data), names, swap=swap)
    if a and Path(a).is_dir() and Path(b).is_dir() and Path(a).samefile(b):
        print(f"warning: {a} and {b} are one folder: A is B.", file=sys.stderr)
    found_a = open_source(Path(a), features=names) if a else None
    layout = Layout(found_a, open_source(Path(b), features=names))
    return layout.swapped() if swap else layout


def _places(members: Iterable[Member]) -> list[tuple[_Place, Member]]:
    return [(place, member) for member in members for place in _place_of(member.path)]


def _place_of(path: PurePath) -> Iterator[_Place]:
    """What each spelling makes of a path; nothing, if it is called like no domain."""
    *folders, name = path.parts
    parts = folders
    if claims_records(path) or path.suffix == ".parquet":  # trainA-00000-of-00001.parquet
        parts = [*folders, *re.split(r"\.tfrec|\.parquet", name)[0].split("-")]
    key = "/".join(re.sub(r"[\s_.-]", "", part.lower()) for part in parts)
    for spelling, pattern in enumerate(_SPELLINGS):
        if found := pattern.search(key):
            above = key[: found.start()].count("/") + bool(key[: found.start()])
            deep = found.end() - found[0].endswith("/")
            split = found["split"] or found["after"] or ""
            domain = _DOMAINS.get(found["domain"], found["domain"])
            is_test = bool(split) and not split.strip("/").startswith("train")
            depth = key[:deep].count("/") + 1
            yield _Place(spelling, tuple(parts[:above]), domain, is_test, tuple(folders[:depth]))


def _candidates(
    path: Path, places: Iterable[tuple[_Place, Member]]
) -> list[tuple[int, tuple[str, ...]]]:
    """Spellings that name both domains below one folder, in the order in which they are tried.

    Raises:
        InputError: if several data sets lie side by side.
    """
    found = defaultdict(set)
    for place, _ in places:
        if not place.is_test:
            found[place.spelling, place.above].add(place.domain)
    whole = [key for key, domains in found.items() if {"a", "b"} <= domains]
    least = min((len(above) for _, above in whole), default=0)
    sets = sorted({above for _, above in whole if len(above) == least})
    if len(sets) > 1:
        names = [str(PurePath(*above)) for above in sets]
        raise InputError(
            f"{path} holds several data sets ({', '.join(names[:8])}); name one of them, such as "
            f"--data {path.joinpath(names[0])}."
        )
    return sorted((key for key in whole if key[1] in sets), key=lambda key: key[0])


def _chosen(
    path: Path,
    places: Iterable[tuple[_Place, Member]],
    wanted: tuple[int, tuple[str, ...]],
    features: Features | None,
) -> dict[tuple[str, bool], Source]:
    """What there is of each domain, trained on and held out, of one spelling below one folder."""
    groups = defaultdict(list)
    for place, member in places:
        if (place.spelling, place.above) == wanted:
            groups[place.domain, place.is_test].append((place.folder, member))
    sources = {}
    for key, group in groups.items():
        folders = sorted({folder for folder, _ in group})
        title = ", ".join(str(path.joinpath(*folder)) for folder in folders)
        members = [member for _, member in group]
        sources[key] = make_source(title, members, depth=len(folders[0]), features=features)
    return sources


def _tell_names(folder: Path, *, swap: bool) -> None:
    """Tells what A and B are in horse2zebra and monet2photo: in the latter, paintings are A."""
    if named := re.fullmatch(r"([a-z]{3,})2([a-z]{3,})", folder.stem.lower()):
        a, b = reversed(named.groups()) if swap else named.groups()
        remedy = "--swap has exchanged them" if swap else "--swap exchanges them"
        print(
            f"note: {folder.name}: A is {a} and is translated into B, {b}; {remedy}.",
            file=sys.stderr,
        )


def _tell_tests(folder: Path, tests: list[Source | None]) -> None:
    """Tells where test pictures are missing, so that nobody waits for scores of them."""
    held_out = [source for source in tests if source]
    if len(held_out) == 1:
        print(
            f"note: only {held_out[0].name} is there to be held out: without pictures of both "
            "domains there is no validation; --validation-fraction holds out some of the other.",
            file=sys.stderr,
        )
    elif not held_out and folder.is_dir():
        names = sorted(path.name for path in folder.iterdir() if path.is_dir())
        empty = [n for n in names if any(p.is_test for p in _place_of(PurePath(n, "x")))]
        if empty:
            print(
                f"note: {' and '.join(empty)} hold no pictures: nothing is held out, unless "
                "--validation-fraction says so.",
                file=sys.stderr,
            )


def _columns(path: Path, members: list[Member]) -> Layout | None:
    """The two columns of images that Parquet files of Hugging Face may have, as A and B."""
    tables = [member for member in members if member.path.suffix == ".parquet"]
    if not tables:
        return None
    if not has_pyarrow():
        raise InputError(
            f"{path} holds Parquet files, which are read where pyarrow is; pip install pyarrow, "
            "or save the pictures as files."
        )
    columns = image_columns(tables[0])
    if len(columns) != 2:
        raise InputError(
            f"{path} holds Parquet files with these columns of images: "
            f"{', '.join(columns) or 'none'}; expected two, A and B. Files of one domain each are "
            "taken with --a FILE --b FILE."
        )
    tests = [member for member in tables if _NAMES_TESTS.search(member.path.as_posix().lower())]
    training = [member for member in tables if member not in tests]
    if not training:
        training, tests = tables, []
    found = [
        make_source(f"{path}: {column}", part, depth=99, features={"image": column})
        for part in (training, tests)
        for column in columns
    ]
    return Layout(*[source if source.parts else None for source in found])


def _pair(members: list[Member]) -> list[PurePath]:
    """The folders that may be two domains, of what is not held out; or else the zips."""
    found = [m.path.parent.parts for m in members if claims_picture(m.path)]
    held_out = re.compile(_HELD_OUT, re.IGNORECASE).fullmatch
    training = [parts for parts in found if not any(map(held_out, parts))] or found
    shared = itertools.takewhile(lambda names: len(set(names)) == 1, zip(*training, strict=False))
    depth = len(list(shared)) + 1
    folders = {PurePath(*parts[:depth]) for parts in training} - {PurePath()}
    return sorted(folders or {m.path for m in members if m.path.suffix.lower() == ".zip"})


def _refuse(path: Path, members: list[Member]) -> NoReturn:
    """Raises `InputError`, with what lies there and the command that would work."""
    names = {member.path.parts[0] for member in members}
    names |= {shown.name for shown in path.iterdir()} if path.is_dir() else set()
    top = sorted(name for name in names if not is_hidden(PurePath(name)))
    filled = {m.path.parts[0] for m in members if claims_picture(m.path) or claims_records(m.path)}
    empty = [name for name in top if name not in filled and list(_place_of(PurePath(name, "x")))]
    domains = {place.domain for place, _ in _places(members) if not place.is_test}
    hint = "For two folders of your own use --a DIR --b DIR."
    if empty:
        hint = f"{' and '.join(empty)} {'holds' if len(empty) == 1 else 'hold'} no images."
    elif len(domains) == 1:
        hint = f"Only domain {domains.pop().upper()} is there; give both with --a DIR --b DIR."
    elif len(pair := _pair(members)) == 2 and path.is_dir():
        a, b = (shell_words(str(path / each)) for each in pair)
        hint = f"Its two sets of pictures are taken with --a {a} --b {b}, or the other way."
    elif list(_place_of(PurePath(path.name, "x"))):
        hint = f"If it is one domain, give the folder above: --data {shell_words(str(path.parent))}"
    found = ", ".join(top[:8]) or "nothing"
    raise InputError(f"{path} has no known layout (found: {found}); expected {_KNOWN}. {hint}")
