"""A case from hell: how it is made, the command that meets it, and what it must answer."""

from dataclasses import dataclass

from tests.hell.files import Make

LONG = "x" * 300
TINY_DCGAN = (
    "--model dcgan --image-size 32 --base-filters 2 --discriminator-filters 2 --latent-size 4 "
    "--latent-generator transpose --batch-size 2 --epochs 1 --steps-per-epoch 1 --sample-every 1 "
    "--sample-count 2 --preset dcgan"
)
TINY_CYCLEGAN = (
    "--preset demo --image-size 32 --picture-size 32 --base-filters 2 --discriminator-filters 2 "
    "--batch-size 1 --epochs 1 --steps-per-epoch 1 --sample-count 2 --discriminator-layers 1"
)
# Words of a command line that stand for others; GOOD/ is replaced too.
SHORT = {"TINY": TINY_DCGAN, "TINY_CYCLEGAN": TINY_CYCLEGAN, "LONG": LONG}
GOOD = "../../good/"

TRAIN = "train TINY --b bad --run run"
GENERATE = "generate --run bad --count 1 --output out"
SCORE = "evaluate --reference GOOD/b --inception GOOD/graph.pb --images"

SCORE_RUN = "evaluate --run bad_run --inception GOOD/graph.pb --reference"


@dataclass(frozen=True)
class Case:
    """A situation and what is expected of it.

    Attributes:
        name: of the case, and of its folder.
        make: fills the case's folder.
        line: command and arguments, run in that folder; words of `SHORT` are replaced.
        words: what the message must hold, separated by `|`.
        code: of the exit.
        writes: what the command may write, besides `run`.
        unprivileged: runs as a user who is not root.
        alone: is run by the table alone: it takes seconds.
        environment: variables that are set, as pairs.
    """

    name: str
    make: Make
    line: str
    words: str = ""
    code: int = 2
    writes: tuple[str, ...] = ("run",)
    unprivileged: bool = False
    alone: bool = False
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def argv(self) -> list[str]:
        """Module of the package and its arguments."""
        words = self.line.replace("GOOD/", GOOD).split(" ")
        return [part for word in words for part in SHORT.get(word, word).split(" ")]
