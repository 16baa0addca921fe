"""Images that are in a data set more than once, as tables."""

import numpy as np
import pandas as pd
from PIL import Image

KINDS = ("same bytes", "same pixels", "alike")

GREY_SIDE = 32  # pixels of the small grey pictures
MOST_BITS = 12  # of 64 that may differ; both numbers were chosen by looking at pairs of photos
LEAST_CORRELATION = 0.8  # of the small pictures: skies above dark ground often have one hash
_FREQUENCIES = 8  # each way, the lowest
_BLOCK = 512  # pictures that are compared with all others at a time


def list_duplicates(
    images: pd.DataFrame,
    grey: np.ndarray,
    *,
    most_bits: int = MOST_BITS,
    least_correlation: float = LEAST_CORRELATION,
) -> pd.DataFrame:
    """Finds images that repeat an earlier one, whether copied or scaled, compressed, toned anew.

    Args:
        images: a row an image; `file` and `pixels` are digests of its bytes and of its pixels.
        grey: `(n, 32, 32)` uint8, of `shrink_to_grey`.
        most_bits: as of `group_alike`.
        least_correlation: as of `group_alike`.

    Returns:
        A row for each image of a group of two or more, under its row in `images`, groups together:
        the number of the `group`, from 1; the `kind`, "first" or what the image has in common with
        an earlier one, "same bytes", "same pixels", "alike"; how many `bits` of its hash are
        not those of the first.
    """
    options = {"most_bits": most_bits, "least_correlation": least_correlation}
    codes, _ = pd.factorize(images["pixels"])  # numbers of pictures, in order of appearance
    _, pictures = np.unique(codes, return_index=True)  # copies need no search
    first = pictures[group_alike(grey[pictures], **options)[codes]]
    kind = np.where(images["pixels"].duplicated(), "same pixels", "alike")
    kind = np.where(images["file"].duplicated(), "same bytes", kind)
    kind = np.where(first == np.arange(len(images)), "first", kind)
    bits = perceptual_hashes(grey)
    differing = np.count_nonzero(bits != bits[first], axis=1)
    table = pd.DataFrame({"group": first, "kind": kind, "bits": differing}, images.index)
    table = table[table["group"].duplicated(keep=False)].sort_values("group", kind="stable")
    return table.assign(group=pd.factorize(table["group"])[0] + 1)


def count_repeats(table: pd.DataFrame) -> pd.DataFrame:
    """How many images repeat the first one of their group.

    Args:
        table: of `list_duplicates`, with the columns `domain` and `folder`.

    Returns:
        A row a kind; the number of images by where the first is: in the same folder; in another
        folder of the domain, as a test image's among the training images; in the other domain.
    """
    firsts = table[table["kind"] == "first"].set_index("group")
    repeats = table[table["kind"] != "first"]
    first = firsts.loc[repeats["group"]]
    same_domain = repeats["domain"].to_numpy() == first["domain"].to_numpy()
    same_folder = same_domain & (repeats["folder"].to_numpy() == first["folder"].to_numpy())
    columns = {
        "in the same folder": same_folder,
        "in another folder": same_domain & ~same_folder,
        "in the other domain": ~same_domain,
    }
    counts = {
        where: [int((here & (repeats["kind"] == kind)).sum()) for kind in KINDS]
        for where, here in columns.items()
    }
    return pd.DataFrame(counts, pd.Index(KINDS, name="repeats"))


def telling_groups(table: pd.DataFrame, most: int) -> list[list[int]]:
    """Rows of the images of at most `most` groups, those first that tell most.

    These are the groups that reach across domains, then those whose images are alike, not the same.
    """
    groups = [group for _, group in table.groupby("group")]
    groups.sort(key=lambda g: (g["domain"].nunique() == 1, not (g["kind"] == "alike").any()))
    return [list(group.index) for group in groups[:most]]


def shrink_to_grey(image: Image.Image) -> np.ndarray:
    """The means of a picture's areas, in grey.

    Args:
        image: of any size.

    Returns:
        `(32, 32)` uint8.
    """
    grey = image.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX)
    return np.asarray(grey)


def perceptual_hashes(grey: np.ndarray) -> np.ndarray:
    """Hashes that stay the same, or nearly, when pictures are scaled, compressed or toned anew.

    A bit is whether one of the 8 x 8 lowest coefficients of the cosine transform (DCT-II) exceeds
    their median.

    Args:
        grey: `(n, 32, 32)` uint8, of `shrink_to_grey`.

    Returns:
        `(n, 64)` bool.
    """
    places, numbers = np.arange(GREY_SIDE) + 0.5, np.arange(_FREQUENCIES)
    waves = np.cos(np.pi / GREY_SIDE * numbers[:, None] * places)
    contrast = grey - grey.mean(axis=(1, 2), keepdims=True)
    coefficients = (waves @ contrast @ waves.T).reshape(len(grey), -1)
    return coefficients > np.median(coefficients, axis=1, keepdims=True)


def group_alike(
    grey: np.ndarray,
    *,
    most_bits: int = MOST_BITS,
    least_correlation: float = LEAST_CORRELATION,
) -> np.ndarray:
    """Puts each picture to the first one that it is like, if there is one.

    Two are alike if few bits of their hashes differ and their small pictures correlate. Each
    picture is like the first of its group; it need not be like the others. All pairs are compared,
    in blocks: the memory grows with the number of pictures, not with its square.

    Args:
        grey: `(n, 32, 32)` uint8, of `shrink_to_grey`.
        most_bits: of the hashes that may differ.
        least_correlation: of the small pictures. One without any contrast is like no other.

    Returns:
        `(n,)` integers: the place of the first picture of the group; of most pictures, their own.
    """
    signs = np.where(perceptual_hashes(grey), 1, -1).astype(np.float32)
    first = np.arange(len(grey))
    for start in range(0, len(grey), _BLOCK):
        # of 64 products of signs, as many are -1 as bits differ
        differing = (64 - signs[start : start + _BLOCK] @ signs[start:].T) / 2
        for row, place in enumerate(range(start, min(start + _BLOCK, len(grey)))):
            if first[place] != place:
                continue
            close = place + 1 + np.flatnonzero(differing[row, row + 1 :] <= most_bits)
            close = close[first[close] == close]
            if len(close):
                like = _correlations(grey[place], grey[close]) >= least_correlation
                first[close[like]] = place
    return first


def _correlations(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pearson's, of one `(32, 32)` with `(m, 32, 32)`; 0 where there is no contrast."""
    one = (one - one.mean()).ravel()
    others = (others - others.mean(axis=(1, 2), keepdims=True)).reshape(len(others), -1)
    lengths = np.linalg.norm(one) * np.linalg.norm(others, axis=1)
    return np.divide(others @ one, lengths, out=np.zeros(len(others)), where=lengths > 0)
