import base64
import io

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from benchmarks import notebooks
from tests.pictures import noise, png


def shown(kind: str = "image/png", **metadata: object) -> nbformat.NotebookNode:
    data = {kind: "iVBORw0KGgo=", "text/plain": "<Figure>"}
    return new_output("display_data", data, metadata=metadata)


def executed(*outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    cell = new_code_cell("1", outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell("text"), cell])


def test_only_figures_that_show_no_picture_are_kept():
    curves = shown(cyclegan_tf={"pictures": False})
    rows = shown(cyclegan_tf={"pictures": True})
    contents = executed(curves, rows, shown(), shown("image/jpeg"), shown("text/html"))
    assert notebooks.leave_out_pictures(contents) == 3
    kinds = [sorted(output.data) for output in contents.cells[1].outputs]
    drawn = ["image/png", "text/plain"]
    assert kinds == [drawn, *[["text/plain"]] * 3, ["text/html", "text/plain"]]
    assert contents.cells[1].outputs[1].data["text/plain"] == notebooks.LEFT_OUT


def test_pictures_become_jpegs_and_curves_stay():
    data = {"image/png": base64.b64encode(png(noise(1))).decode()}
    curves, rows = (
        new_output("display_data", dict(data), metadata={"cyclegan_tf": {"pictures": pictures}})
        for pictures in (False, True)
    )
    contents = executed(curves, rows)
    notebooks.shrink_pictures(contents)
    first, second = (output.data for output in contents.cells[1].outputs)
    assert first == data
    with Image.open(io.BytesIO(base64.b64decode(second.pop("image/jpeg")))) as image:
        assert image.size == noise(1).shape[1::-1]
    assert second == {}


def test_paths_of_the_machine_are_renamed():
    printed = new_output("stream", name="stdout", text="copied to /home/me/images.zip")
    result = new_output("execute_result", {"text/plain": "/home/me/runs"})
    contents = executed(printed, result)
    notebooks.rename_paths(contents, {"/home/me/": ""})
    first, second = contents.cells[1].outputs
    assert (first.text, second.data["text/plain"]) == ("copied to images.zip", "runs")


def test_clock_is_the_last_line_that_tells_the_time():
    printed = new_output("stream", name="stdout", text="x\nthis notebook took 4.0 minutes; y\n")
    assert notebooks.clock(executed(printed)) == "this notebook took 4.0 minutes; y"
    assert notebooks.clock(executed()) == "this notebook told no time"


def test_page_holds_text_and_outputs(tmp_path):
    pytest.importorskip("nbconvert")
    printed = new_output("stream", name="stdout", text="a line")
    notebooks.write_html(executed(printed), tmp_path / "pages" / "one.html")
    page = (tmp_path / "pages" / "one.html").read_text()
    assert "a line" in page
    assert "<title>one</title>" in page
