"""CycleGan: two generators, two discriminators, and the step that trains them.

In the letters of Zhu et al. 2017: X is domain A, Y is domain B, G is `generator_ab`, F is
`generator_ba`, D_X is `discriminator_a`, D_Y is `discriminator_b`.
"""

from dataclasses import dataclass, field
from functools import partial

import keras

from cyclegan_tf.models.adversarial import AdversarialModel, Draws, Judge
from cyclegan_tf.models.losses import AdversarialLoss, CrossEntropy, Saved, colour_distance
from cyclegan_tf.models.losses import mean_absolute_error as l1
from cyclegan_tf.models.player import Images, Turn, with_identity
from cyclegan_tf.models.stabilizers import Stabilizers, image_pool

LOG_KEYS = (
    "gen_ab_loss",
    "gen_ba_loss",
    "disc_a_loss",
    "disc_b_loss",
    "cycle_loss",
    "identity_loss",
    "disc_a_real_accuracy",
    "disc_a_fake_accuracy",
    "disc_b_real_accuracy",
    "disc_b_fake_accuracy",
)


@keras.saving.register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class Objective(Saved):
    """What a CycleGan minimizes.

    Attributes:
        adversarial_a: objective of `discriminator_a` and of the generator it judges.
        adversarial_b: objective of `discriminator_b` and of the generator it judges.
        cycle_weight: weight of cycle consistency (Zhu et al. 2017, section 3.3).
        identity_weight: weight of the identity loss (section 5.2); 0 saves two forward passes.
        cycle_weight_end: what the cycle weight has become at the last step; None: constant.
        identity_weight_end: the same of the identity weight.
        colour_weight: weight of the distance between an image and its translation in means over
            squares of 16 px.
    """

    adversarial_a: AdversarialLoss = field(default_factory=CrossEntropy)
    adversarial_b: AdversarialLoss = field(default_factory=CrossEntropy)
    cycle_weight: float = 10.0
    identity_weight: float = 5.0
    cycle_weight_end: float | None = None
    identity_weight_end: float | None = None
    colour_weight: float = 0.0


@keras.saving.register_keras_serializable("cyclegan_tf")
class CycleGan(AdversarialModel):
    """Learns to translate between two image domains from unpaired examples.

    Trains under `fit` on batches `(real_a, real_b)`; calling it translates A into B. It logs the
    means of `LOG_KEYS`: `gen_ab_loss` is all that `generator_ab` is trained on (adversarial,
    cycle and its identity loss, weighted); `cycle_loss` and `identity_loss` are the unweighted
    sums over both domains; the accuracies are shares of patches judged rightly.

    Args:
        generator_ab: translates A into B.
        generator_ba: translates B into A.
        discriminator_a: tells real A from fake A, by logits.
        discriminator_b: tells real B from fake B, by logits.
        objective: what is minimized.
        stabilizers: what keeps the players in balance.
        seed: of pools, augmentation and penalties.

    Reference: Zhu et al. 2017, arXiv:1703.10593, section 3.

    Example:
        >>> import cyclegan_tf as cg
        >>> import numpy as np
        >>> from keras import Input, Sequential, layers, optimizers
        >>> def network(channels):
        ...     convolution = layers.Conv2D(channels, 3, padding="same")
        ...     return Sequential([Input((None, None, 3)), convolution])
        >>> model = cg.CycleGan(network(3), network(3), network(1), network(1))
        >>> model.compile(optimizers.Adam(2e-4, 0.5), optimizers.Adam(2e-4, 0.5))
        >>> photos, paintings = np.zeros((2, 4, 32, 32, 3), np.float32)
        >>> history = model.fit(photos, paintings, batch_size=2, verbose=0)
        >>> model.steps_done
        2
        >>> model.save("model.keras")
    """

    def __init__(
        self,
        generator_ab: keras.Model,
        generator_ba: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        objective: Objective = Objective(),
        stabilizers: Stabilizers = Stabilizers(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
    ) -> None:
        generators = generator_ab, generator_ba
        judges = (
            Judge("disc_a", discriminator_a, objective.adversarial_a),
            Judge("disc_b", discriminator_b, objective.adversarial_b),
        )
        super().__init__(generators, judges, stabilizers, LOG_KEYS, seed=seed, name="cyclegan")
        self.generator_ab, self.generator_ba = generators
        self.discriminator_a, self.discriminator_b = discriminator_a, discriminator_b
        self.objective = objective
        self.pool_a, self.pool_b = (
            image_pool(stabilizers.pool_size, seed=seed + place) for place in (2, 3)
        )

    def call(self, real_a: Images, training: bool = False) -> Images:
        """Translates A into B."""
        return self.generator_ab(real_a, training=training)

    @property
    def pools(self) -> tuple[keras.layers.Layer, keras.layers.Layer]:
        """What the discriminators of A and B see older fakes from."""
        return self.pool_a, self.pool_b

    def real_images(self, batch: tuple[Images, Images]) -> tuple[Images, Images]:
        """A batch is `(real_a, real_b)`."""
        real_a, real_b = batch
        return real_a, real_b

    def generators_turn(self, real: tuple[Images, Images], draws: Draws) -> Turn:
        """Called real, undone by the other one, content with their own.

        Reference: Zhu et al. 2017, equations 1 and 2, section 5.2.
        """
        (real_a, real_b), (draw_a, draw_b), objective = real, draws, self.objective
        training = draw_a is not None
        ab, ba = (partial(network, training=training) for network in self.translators(training))
        wanted = bool(objective.identity_weight)
        fake_b, same_b = with_identity(ab, real_a, real_b, wanted=wanted)
        fake_a, same_a = with_identity(ba, real_b, real_a, wanted=wanted)
        cycle_loss = l1(real_a, ba(fake_b)) + l1(real_b, ab(fake_a))
        logits_b = self.discriminator_b(self.augmented(fake_b, draw_b), training=training)
        logits_a = self.discriminator_a(self.augmented(fake_a, draw_a), training=training)

        identity_a, identity_b = l1(real_a, same_a), l1(real_b, same_b)
        weight = self.scheduled(objective.identity_weight, objective.identity_weight_end)
        cycle = self.scheduled(objective.cycle_weight, objective.cycle_weight_end) * cycle_loss
        if objective.colour_weight:
            kept = colour_distance(real_a, fake_b) + colour_distance(real_b, fake_a)
            cycle += objective.colour_weight * kept
        called_real_b = objective.adversarial_b.generator(logits_b)
        called_real_a = objective.adversarial_a.generator(logits_a)
        losses = {
            "gen_ab_loss": called_real_b + cycle + weight * identity_b,
            "gen_ba_loss": called_real_a + cycle + weight * identity_a,
            "cycle_loss": cycle_loss,
            "identity_loss": identity_a + identity_b,
        }
        # the cycle is part of both losses, and counts once
        minimize = losses["gen_ab_loss"] + losses["gen_ba_loss"] - cycle
        return Turn(minimize, losses, fakes=(fake_a, fake_b), logits=(logits_a, logits_b))

    def translators(self, training: bool) -> list[keras.Model]:
        """Both generators; their averages, where nothing is trained."""
        return self.generators if training else self.averages
