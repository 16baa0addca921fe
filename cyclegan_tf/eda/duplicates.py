"""Images that are in a data set more than once, as tables."""

import numpy as np
import pandas as pd

from cyclegan_tf.eda.fingerprints import (
    LEAST_CORRELATION,
    MOST_BITS,
    group_alike,
    perceptual_hashes,
)

KINDS = ("same bytes", "same pixels", "alike")


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
        grey: `(n, 32, 32)` uint8, of `fingerprints.shrink_to_grey`.
        most_bits: as of `fingerprints.group_alike`.
        least_correlation: as of `fingerprints.group_alike`.

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
