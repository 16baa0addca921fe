"""Cut: one generator, one discriminator, and frozen features that hold the content in place.

In the letters of Park et al. 2020: X is domain A, Y is domain B, G is `generator_ab`, D is
`discriminator_b`.
"""

from dataclasses import dataclass, field
from functools import partial

import keras

from cyclegan_tf.models.adversarial import AdversarialModel, Draws, Judge
from cyclegan_tf.models.losses import (
    AdversarialLoss,
    CrossEntropy,
    Saved,
    colour_distance,
    contrastive_distance,
)
from cyclegan_tf.models.losses import mean_absolute_error as l1
from cyclegan_tf.models.player import Images, Turn, with_identity
from cyclegan_tf.models.stabilizers import Stabilizers, image_pool

LOG_KEYS = (
    "gen_ab_loss",
    "disc_b_loss",
    "content_loss",
    "identity_loss",
    "disc_b_real_accuracy",
    "disc_b_fake_accuracy",
)


@keras.saving.register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class OneSidedObjective(Saved):
    """What a Cut minimizes.

    Attributes:
        adversarial: objective of `discriminator_b` and of the generator.
        content_weight: weight of the contrastive loss (Park et al. 2020, section 3).
        identity_weight: weight of the identity loss; 0 saves a forward pass.
        identity_weight_end: what it has become at the last step; None: constant.
        colour_weight: weight of the distance between an image and its translation in means over
            squares of 16 px.
    """

    adversarial: AdversarialLoss = field(default_factory=CrossEntropy)
    content_weight: float = 1.0
    identity_weight: float = 0.0
    identity_weight_end: float | None = None
    colour_weight: float = 0.0


@keras.saving.register_keras_serializable("cyclegan_tf")
class Cut(AdversarialModel):
    """Learns to translate one domain into another, in one direction.

    Half the networks of a CycleGan. Instead of going back to the original, a translation must show
    at each place what the original shows there, rather than elsewhere, as features of an image
    classifier tell. Park et al. take the generator's own features; those of a classifier know from
    the first step what is what, and cost less than the generator does.

    Trains under `fit` on batches `(real_a, real_b)`; calling it translates A into B. It logs the
    means of `LOG_KEYS`: `gen_ab_loss` is all that the generator is trained on; `content_loss` and
    `identity_loss` are not weighted.

    Args:
        generator_ab: translates A into B.
        discriminator_b: tells real B from fake B, by logits.
        features: from images to frozen features of several scales, `(n, h, w, c)` each, the finest
            first.
        objective: what is minimized.
        stabilizers: what keeps the players in balance.
        seed: of the pool, augmentation and penalties.

    Reference: Park et al. 2020, arXiv:2007.15651.

    Example:
        >>> import cyclegan_tf as cg
        >>> model = cg.build_model(cg.TrainConfig(model="cut", image_size=32, base_filters=8))
        >>> model.generator_ab.name, len(model.discriminators)
        ('generator_ab', 1)
    """

    def __init__(
        self,
        generator_ab: keras.Model,
        discriminator_b: keras.Model,
        features: keras.Model,
        objective: OneSidedObjective = OneSidedObjective(),
        stabilizers: Stabilizers = Stabilizers(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
    ) -> None:
        judges = [Judge("disc_b", discriminator_b, objective.adversarial)]
        super().__init__([generator_ab], judges, stabilizers, LOG_KEYS, seed=seed, name="cut")
        self.generator_ab, self.discriminator_b = generator_ab, discriminator_b
        self.features = features
        self.objective = objective
        self.pool_b = image_pool(stabilizers.pool_size, seed=seed + 2)

    def call(self, real_a: Images, training: bool = False) -> Images:
        """Translates A into B."""
        return self.generator_ab(real_a, training=training)

    @property
    def pools(self) -> tuple[keras.layers.Layer]:
        """What the discriminator sees older fakes from."""
        return (self.pool_b,)

    def real_images(self, batch: tuple[Images, Images]) -> tuple[Images, Images]:
        """A batch is `(real_a, real_b)`."""
        real_a, real_b = batch
        return real_a, real_b

    def generators_turn(self, real: tuple[Images, Images], draws: Draws) -> Turn:
        """Called real, showing what the original shows, content with what is real already.

        Reference: Park et al. 2020, equations 2 and 3.
        """
        (real_a, real_b), (draw,), objective = real, draws, self.objective
        training = draw is not None
        generator = (self.generators if training else self.averages)[0]
        ab = partial(generator, training=training)
        fake_b, same_b = with_identity(ab, real_a, real_b, wanted=bool(objective.identity_weight))
        logits = self.discriminator_b(self.augmented(fake_b, draw), training=training)

        content = contrastive_distance(self._places(real_a), self._places(fake_b))
        identity = l1(real_b, same_b)
        weight = self.scheduled(objective.identity_weight, objective.identity_weight_end)
        loss = objective.adversarial.generator(logits)
        loss += objective.content_weight * content + weight * identity
        if objective.colour_weight:
            loss += objective.colour_weight * colour_distance(real_a, fake_b)
        losses = {"gen_ab_loss": loss, "content_loss": content, "identity_loss": identity}
        return Turn(loss, losses, fakes=(fake_b,), logits=(logits,))

    def _places(self, images: Images) -> list[keras.KerasTensor]:
        """Features of what an image shows at each place, but for those of the finest scale.

        They would hold each dab where the photo has a leaf: strokes are as large as their squares.
        """
        return self.features(images)[1:]

    def discriminators_turn(
        self, real: tuple[Images, Images], *others: object, **options: object
    ) -> Turn:
        """As of every adversarial model, on the images of B."""
        return super().discriminators_turn(real[1:], *others, **options)
