"""DcGan: a generator of images from random vectors, a discriminator, the step that trains them."""

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.distribution import replicas
from cyclegan_tf.models.adversarial import AdversarialModel, Draws, Judge
from cyclegan_tf.models.losses import AdversarialLoss, CrossEntropy
from cyclegan_tf.models.player import Images, Turn
from cyclegan_tf.models.stabilizers import Stabilizers, image_pool

LOG_KEYS = ("gen_loss", "disc_loss", "disc_real_accuracy", "disc_fake_accuracy")


@keras.saving.register_keras_serializable("cyclegan_tf")
class DcGan(AdversarialModel):
    """Learns to make new images like those of one domain.

    Trains under `fit` on batches of real images; calling it turns latents into images. It logs
    the means of `LOG_KEYS`; the accuracies are shares of logits judged rightly.

    Args:
        generator: from `(n, latent_size)` latents to images.
        discriminator: tells real images from fakes, by logits.
        adversarial: what is minimized.
        stabilizers: what keeps the players in balance.
        latent_size: length of the latents.
        seed: of latents, pool, augmentation and penalties.

    Raises:
        ValueError: if the generator takes anything but latents of that length.

    Reference: Radford et al. 2016, arXiv:1511.06434.

    Example:
        >>> import cyclegan_tf as cg
        >>> import numpy as np
        >>> model = cg.build_model(cg.TrainConfig(model="dcgan", image_size=32, base_filters=8))
        >>> latents = np.random.default_rng(0).normal(size=(5, model.latent_size))
        >>> model.predict(latents, verbose=0).shape
        (5, 32, 32, 3)
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        adversarial: AdversarialLoss = CrossEntropy(),  # noqa: B008 - frozen
        stabilizers: Stabilizers = Stabilizers(),  # noqa: B008 - frozen
        *,
        latent_size: int,
        seed: int = 0,
    ) -> None:
        if generator.input_shape != (None, latent_size):
            raise ValueError(
                f"The generator must take latents of shape (None, {latent_size}): build it with "
                f"the same latent_size. Received: input shape {generator.input_shape}"
            )
        judges = [Judge("disc", discriminator, adversarial)]
        super().__init__([generator], judges, stabilizers, LOG_KEYS, seed=seed, name="dcgan")
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial = adversarial
        self.latent_size = latent_size
        self.pool = image_pool(stabilizers.pool_size, seed=seed + 2)

    def call(self, latents: tf.Tensor, training: bool = False) -> Images:
        """Maps `(n, latent_size)` latents to images."""
        return self.generator(latents, training=training)

    @property
    def pools(self) -> tuple[keras.layers.Layer]:
        """What the discriminator sees older fakes from."""
        return (self.pool,)

    @property
    def judges_once(self) -> bool:
        """Never: batch norms and dropout of the discriminator go by what it is shown."""
        return False

    def real_images(self, batch: Images | tuple[Images]) -> tuple[Images]:
        """A batch is of real images alone; `fit` wraps arrays, but not tensors, in a tuple."""
        if not isinstance(batch, tuple | list):
            return (batch,)
        if len(batch) != 1:
            raise ValueError(
                f"DcGan trains on batches of real images alone. Received: a batch of {len(batch)} "
                "parts; give the images of one domain"
            )
        return (batch[0],)

    def draw(self, count: int | tf.Tensor, *, training: bool = True) -> Draws:
        """DiffAugment's numbers, and latents for as many fakes."""
        return *super().draw(count, training=training), self.draw_latents(count)

    def generators_turn(self, real: tuple[Images], draws: Draws) -> Turn:
        """Makes images of the latents and has them judged.

        Reference: Radford et al. 2016, section 3.
        """
        draw, latents = draws
        training = draw is not None
        generator = self.generators[0] if training else self.averages[0]
        fake = generator(latents, training=training)
        logits = self.discriminator(self.augmented(fake, draw), training=training)
        loss = self.adversarial.generator(logits)
        return Turn(loss, {"gen_loss": loss}, fakes=(fake,), logits=(logits,))

    def draw_latents(self, count: int) -> tf.Tensor:
        """`(count, latent_size)` standard normal, different ones on each replica."""
        shape = (replicas.count() * count, self.latent_size)
        return replicas.shard(keras.random.normal(shape, seed=self.random))


def sample_latents(count: int, latent_size: int, seed: int) -> np.ndarray:
    """`(count, latent_size)` float32, standard normal; one seed always gives the same ones."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, latent_size), dtype=np.float32)


def interpolate(start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """Latents on the arc between two latents, at equal angles.

    The straight line would pass close to the origin, where hardly any latent of the training
    was; on the arc the norm goes evenly from that of the start to that of the end.

    Args:
        start: `(latent_size,)`, not 0.
        end: the same shape, not 0, and not opposite to the start.
        count: points, at least 2, both ends among them.

    Returns:
        `(count, latent_size)` float32.

    Raises:
        ValueError: if there are fewer than 2 points, or if the arc is not defined.

    Reference: White 2016, arXiv:1609.04468, section 2.1.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    norms = np.linalg.norm(start), np.linalg.norm(end)
    if count < 2 or start.shape != end.shape or start.ndim != 1 or not all(norms):
        raise ValueError(
            "An arc needs at least 2 points and two latents of one shape, neither of them 0. "
            f"Received: count={count}, shapes {start.shape} and {end.shape}, norms {norms}"
        )
    start, end = start / norms[0], end / norms[1]
    # exact for small angles too, unlike the arc cosine
    angle = 2.0 * np.arctan2(np.linalg.norm(start - end), np.linalg.norm(start + end))
    if np.pi - angle < 1e-6:
        raise ValueError("No single arc joins opposite latents. Received: end = -start")
    t = np.linspace(0.0, 1.0, count)[:, None]
    if angle < 1e-6:
        directions = (1.0 - t) * start + t * end
    else:
        directions = np.sin((1.0 - t) * angle) * start + np.sin(t * angle) * end
        directions /= np.sin(angle)
    return (((1.0 - t) * norms[0] + t * norms[1]) * directions).astype(np.float32)
