"""Figures as PNG files, without a screen."""

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_TITLE_HEIGHT = 0.35  # inches


class Plate(Figure):
    """A figure that lays itself out, and that notebooks show as it is.

    Args:
        width: inches.
        height: inches, without the title.
        title: what stands above it all.
    """

    def __init__(self, width: float, height: float, title: str = "") -> None:
        height += _TITLE_HEIGHT if title else 0.0
        super().__init__(figsize=(width, height), dpi=110, layout="constrained")
        FigureCanvasAgg(self)
        if title:
            self.suptitle(title, fontsize="large", fontweight="bold")

    @property
    def shows_pictures(self) -> bool:
        """Whether a picture is part of it, as against points, lines and bars alone."""
        return any(axes.images for axes in self.axes)

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Saves it as Matplotlib does, after a first layout.

        That one changes the ticks of the axes, and so the room that their labels need.
        """
        self.draw_without_rendering()
        super().savefig(*arguments, **options)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Notes beside the PNG, which IPython adds, what a copy of the notebook may show."""
        return {}, {"cyclegan_tf": {"pictures": self.shows_pictures}}
