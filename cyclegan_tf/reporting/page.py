"""The report as one HTML file: nothing in it is fetched from anywhere."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from cyclegan_tf.io.files import write_text
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.reporting import curves
from cyclegan_tf.reporting.contents import FACTS, contents, read_facts
from cyclegan_tf.reporting.gallery import gallery
from cyclegan_tf.reporting.pictures import LARGEST, write_sheet

MOST_BYTES = 3_000_000  # of the page: it is to fit into a mail
_SIDES = (LARGEST, 192, 128, 64)  # of its pictures: the first with which it is small enough
_HERE = Path(__file__).parent


def write_report(run: RunFolder) -> Path:
    """Writes `report.html` from what the run folder holds.

    Args:
        run: the folder.

    Returns:
        The path of the page.

    Raises:
        InputError: if the folder holds no run.
        DiskFull: if there is no room.
    """
    text, facts = contents(run), read_facts(run)
    for side in _SIDES:
        page = _template().render(**text, **gallery(run, facts, side), **_own())
        if len(page) < MOST_BYTES:
            break
    # a name may hold what is no UTF-8
    write_text(run.report, page.encode(errors="backslashreplace").decode())
    return run.report


def keep_for_report(
    run: RunFolder, facts: Mapping[str, Any], sheets: Mapping[str, Sequence[np.ndarray]]
) -> None:
    """Leaves in the run folder what the report tells besides its other files.

    Args:
        run: the folder.
        facts: plain JSON values: `started` (text), `seconds`, `machine` (a mapping), `data` (text),
            `warnings` (texts), and `names`, by sheet those of its pictures.
        sheets: "ab" and "ba", with rows `(n, side, side, 3)` uint8: pictures of A, or of B; their
            translations, where something translates them; what leads back from these.
    """
    for name, rows in sheets.items():
        write_sheet(run.report_folder / f"{name}.jpg", rows)
    write_text(run.report_folder / FACTS, json.dumps(facts, indent=2) + "\n")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html")


@cache
def _own() -> dict[str, Any]:
    """Style and script, and the digest by which a browser knows the script as the page's own."""
    style, script = ((_HERE / name).read_text("utf-8") for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    files = {"style": Markup(style), "script": Markup(script)}  # not from others: as they are
    return {**files, "digest": digest, "width": curves.WIDTH, "height": curves.HEIGHT}
