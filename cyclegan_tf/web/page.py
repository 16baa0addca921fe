"""Page: what a browser shows of the studio, by Gradio; it asks no other machine for anything."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.io.outputs import FreeNames, open_zip
from cyclegan_tf.web.studio import MOST_BYTES, MOST_PIXELS, Painting, Studio, Wish

HOST = "127.0.0.1"  # nobody but this computer

_MOST_PHOTOS = 100  # at a time
_MOST_WAITING = 20  # people
_AT_ONCE = 2  # people whose pictures take turns
_KEPT = 3600  # seconds that a visitor's files are kept
_EXAMPLE = {"seed": 0, "index": 7, "size": 640}  # of the synthetic landscapes
_CANVASES = [("as in the training", "auto"), "256", "384", "512", "768", "1024",
             ("full: fine strokes in a large picture", "full")]  # fmt: skip
_WAYS = {"ab": "A to B: photo to painting", "ba": "B to A: painting to photo"}
_ABOUT = f"""# Photos become paintings
Everything is computed on this machine, and nothing is sent anywhere. Up to {_MOST_PHOTOS} photos at
a time, of at most {MOST_BYTES // 10**6} MB and {MOST_PIXELS // 10**6} megapixels each.
"""


class Album(NamedTuple):
    """What a visitor has had painted last.

    Attributes:
        folder: that holds the files and nothing else.
        paintings: in the order of the photos.
    """

    folder: Path
    paintings: list[Painting]

    @property
    def gallery(self) -> list[tuple[str, str]]:
        """A small picture and a name for each painting."""
        return [(str(painting.after), painting.file.name) for painting in self.paintings]

    @property
    def screens(self) -> list[tuple[str, str]]:
        """Photo and painting as the slider shows them."""
        return [(str(painting.before), str(painting.after)) for painting in self.paintings]

    def downloads(self) -> list[str]:
        """The paintings, and all in one zip where there are several."""
        files = [painting.file for painting in self.paintings]
        if len(files) > 1:
            archive = self.folder / "paintings.zip"
            with open_zip(archive) as put:
                for file in files:
                    put(file.name, file.read_bytes())
            files.insert(0, archive)
        return [str(file) for file in files]


@contextlib.contextmanager
def serving(studio: Studio, port: int) -> Iterator[gr.Blocks]:
    """Serves the page until the body ends; what visitors have left goes with it.

    Args:
        studio: that paints.
        port: of this computer.

    Raises:
        InputError: if the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="cyclegan_tf-", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # where Gradio keeps uploads, too
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        page = build_page(studio, Path(folder))
        try:
            page.launch(
                server_name=HOST,
                server_port=port,
                share=False,
                quiet=True,
                prevent_thread_lock=True,
                max_file_size=MOST_BYTES,
                footer_links=[],
                ssr_mode=False,
                # the default ones fetch their fonts from Google
                theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
            )
        except OSError as error:
            raise InputError(f"port {port} is taken; choose another with --port.") from error
        try:
            yield page
        finally:
            page.close(verbose=False)


def build_page(studio: Studio, folder: Path) -> gr.Blocks:
    """The page, not served yet.

    Args:
        studio: that paints.
        folder: for what visitors have painted; it exists.
    """
    example = folder / "landscape.jpg"
    example.write_bytes(encode_jpeg(landscape(**_EXAMPLE)))
    with gr.Blocks(
        title="cyclegan_tf", analytics_enabled=False, delete_cache=(_KEPT, _KEPT)
    ) as page:
        gr.Markdown(_ABOUT)
        with gr.Row():
            with gr.Column(scale=2):
                photos = gr.File(label="Photos", file_count="multiple", elem_id="photos")
                take = gr.Button("Take the example photo", size="sm")
                wish = _wish_controls(studio)
                start = gr.Button("Paint", variant="primary", elem_id="paint")
            with gr.Column(scale=3):
                shown = _result_controls()
        album = gr.State(None, time_to_live=_KEPT, delete_callback=_throw_away)
        take.click(lambda: [str(example)], None, photos, api_visibility="private")
        start.click(
            _painter(studio, folder),
            [album, photos, *wish],
            [album, *shown],
            concurrency_limit=_AT_ONCE,
            api_visibility="private",
        )
        slider, gallery, *_ = shown
        gallery.select(_chosen, album, slider, api_visibility="private", show_progress="hidden")
    return page.queue(max_size=_MOST_WAITING)


def _wish_controls(studio: Studio) -> list[Any]:
    """One control for each field of a `Wish`."""
    names = list(studio.directions)
    model = gr.Dropdown(names, value=names[0], label="Model", elem_id="model")
    ways = studio.directions[names[0]]
    direction = gr.Radio(_choices(ways), value=ways[0], label="Direction", elem_id="direction")
    strength = gr.Slider(0, 1, 1, step=0.05, label="Strength", info="0: the photo, 1: the painting")
    colours = gr.Checkbox(False, label="Keep the colours of the photo")
    info = "Shorter side in pixels at which a larger photo is painted: less, larger strokes."
    canvas = gr.Dropdown(_CANVASES, value="auto", label="Canvas", info=info, elem_id="canvas")

    def of_model(name: str) -> gr.Radio:
        ways = studio.directions[name]
        return gr.Radio(_choices(ways), value=ways[0])

    model.change(of_model, model, direction, api_visibility="private")
    return [model, direction, strength, colours, canvas]


def _choices(ways: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(_WAYS[way], way) for way in ways]


def _result_controls() -> list[Any]:
    """Slider, gallery, downloads, and what is to be told."""
    slider = gr.ImageSlider(
        label="Before and after", type="filepath", interactive=False, elem_id="slider", buttons=[]
    )
    gallery = gr.Gallery(
        label="Choose one",
        columns=6,
        height=160,
        allow_preview=False,
        visible=False,
        buttons=[],
        fit_columns=False,
    )
    files = gr.File(label="Download", interactive=False, file_count="multiple", elem_id="files")
    # a plain field: what stands in it is no HTML, whatever a file is called
    told = gr.Textbox(label="What happened", interactive=False, lines=2, elem_id="told")
    return [slider, gallery, files, told]


def _painter(studio: Studio, folder: Path) -> Any:
    """What the button does: a generator, which shows each painting when it is done."""
    bar = gr.Progress()

    def paint(
        album: Album | None, photos: list[str] | None, *wish: Any, progress: gr.Progress = bar
    ) -> Iterator[list[Any]]:
        _throw_away(album)
        album, told = Album(Path(tempfile.mkdtemp(dir=folder)), []), []
        if not photos or len(photos) > _MOST_PHOTOS:
            photos, told = [], [f"Choose 1 to {_MOST_PHOTOS} photos first."]
        names = FreeNames()
        for number, photo in enumerate(map(Path, photos)):
            progress((number, len(photos)), desc="painting", unit="photos")
            try:
                painting = studio.paint(photo, _wish(*wish), folder=album.folder, names=names)
            except (InputError, Fault) as error:
                told.append(str(error))
                continue
            album.paintings.append(painting)
            if len(photos) > 1:  # the others are still to come
                yield _outputs(album, told)
        yield _outputs(album, told, finished=True)

    return paint


def _wish(model: str, direction: str, strength: float, keep_colours: bool, canvas: str) -> Wish:
    side = int(canvas) if canvas.isdecimal() else canvas
    return Wish(model, direction, strength, keep_colours, side)


def _outputs(album: Album, told: list[str], *, finished: bool = False) -> list[Any]:
    """What album, slider, gallery, downloads and the field below show."""
    count = len(album.paintings)
    slider = gr.skip() if count > 1 else next(iter(album.screens), None)
    gallery = gr.Gallery(album.gallery, visible=count > 1)
    files = album.downloads() if finished else gr.skip()
    made = [f"{count} painting{'' if count == 1 else 's'}."] if count and finished else []
    return [album, slider, gallery, files, "\n".join(told + made)]


def _chosen(album: Album, event: gr.SelectData) -> tuple[str, str]:
    return album.screens[event.index]


def _throw_away(album: Album | None) -> None:
    if album:
        shutil.rmtree(album.folder, ignore_errors=True)
