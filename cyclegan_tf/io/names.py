"""Names of files that every system takes, none of them twice. Standard library only."""

import unicodedata

_LONGEST = 200  # bytes; most file systems take 255 with the suffix
_DEVICES = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10)),
}


def is_file_name(name: str) -> bool:
    """Whether every system takes it: what is printable is no surrogate and no control sign."""
    return (
        name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
        and name.strip(". ") != ""
        and len(name.encode()) <= _LONGEST
        and name.upper() not in _DEVICES
    )


def same_file(name: str) -> str:
    """The same for names that are one file where upper and lower case are one.

    There A.jpg would be written over a.jpg.
    """
    return unicodedata.normalize("NFC", name).casefold()


class FreeNames:
    """Gives every picture a file name of its own, the same for the same pictures in this order.

    A name that is taken gets a number (`1.jpg`, then `1-2.jpg`, `1-3.jpg`), one that is no file
    name becomes the number of the picture.

    Attributes:
        changed: how many names are not those that were asked for.
    """

    def __init__(self) -> None:
        self.changed = 0
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._count = 0

    def take(self, stem: str, suffix: str) -> str:
        """The next picture's file name.

        Args:
            stem: what it should be called, without suffix.
            suffix: `.jpg` and the like.
        """
        self._count += 1
        usable = is_file_name(stem)
        stem = stem if usable else str(self._count)
        name, wanted = stem + suffix, same_file(stem + suffix)
        while same_file(name) in self._taken:
            self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            name = f"{stem}-{self._numbers[wanted]}{suffix}"
        self._taken.add(same_file(name))
        self.changed += not usable or name != stem + suffix
        return name
