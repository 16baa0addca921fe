"""What the players are trained on: adversarial objectives, cycle consistency, identity."""

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

from keras import KerasTensor, ops
from keras.saving import (
    deserialize_keras_object,
    register_keras_serializable,
    serialize_keras_object,
)

# What a discriminator returns: logits of any shape, or one such for each of its heads.
Logits = KerasTensor | list[KerasTensor]


class Saved:
    """A dataclass that Keras saves with a model, field by field."""

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes the same of."""
        return {
            field.name: serialize_keras_object(getattr(self, field.name)) for field in fields(self)
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes what `get_config` has described."""
        return cls(**{name: deserialize_keras_object(value) for name, value in config.items()})


class AdversarialLoss(Protocol):
    """The two sides of an adversarial objective, each a float32 scalar.

    Attributes:
        threshold: logits above it call an image real.
        voting: heads of the discriminator whose verdict is that; None: all.
    """

    threshold: float
    voting: int | None

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """What the generator minimizes."""

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """What the discriminator minimizes."""


@register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class CrossEntropy(Saved):
    """The non-saturating objective of Goodfellow et al. 2014, section 3.

    Attributes:
        real_label: the discriminator's target for real images; below 1 it is smoothed
            (Salimans et al. 2016, section 3.4).
        fake_label: its target for fakes.
        goal: what the generator wants its fakes to be called.
    """

    real_label: float = 1.0
    fake_label: float = 0.0
    goal: float = 1.0
    threshold: float = 0.0
    voting: int | None = None

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """Mean cross-entropy of the fakes and the goal."""
        return binary_cross_entropy(fake_logits, self.goal)

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """Half the sum of both cross-entropies: halved, D learns slower than G.

        Reference: Zhu et al. 2017, section 4.
        """
        real_loss = binary_cross_entropy(real_logits, self.real_label)
        return 0.5 * (real_loss + binary_cross_entropy(fake_logits, self.fake_label))


@register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class LeastSquares(Saved):
    """Squared distance to the labels (Mao et al. 2017; Zhu et al. 2017, section 4).

    Attributes:
        real_label: the discriminator's target for real images; fakes are 0, the goal is 1.
    """

    real_label: float = 1.0
    threshold: float = 0.5
    voting: int | None = None

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """Mean squared distance of the fakes to 1."""
        return ops.mean(ops.square(_float32(fake_logits) - 1.0))

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """Half the sum of both squared distances."""
        real_loss = ops.mean(ops.square(_float32(real_logits) - self.real_label))
        return 0.5 * (real_loss + ops.mean(ops.square(_float32(fake_logits))))


@register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class Hinge(Saved):
    """Only logits inside the margin of 1 train the discriminator (Lim and Ye 2017)."""

    threshold: float = 0.0
    voting: int | None = None

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """Minus the mean logit of the fakes."""
        return -ops.mean(_float32(fake_logits))

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """Mean distance of real logits below 1 and of fake logits above -1."""
        real_loss = ops.mean(ops.relu(1.0 - _float32(real_logits)))
        return real_loss + ops.mean(ops.relu(1.0 + _float32(fake_logits)))


@register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class Wasserstein(Saved):
    """Difference of mean logits; wants a gradient penalty (Gulrajani et al. 2017)."""

    threshold: float = 0.0
    voting: int | None = None

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """Minus the mean logit of the fakes."""
        return -ops.mean(_float32(fake_logits))

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """Mean logit of the fakes minus that of the real images."""
        return ops.mean(_float32(fake_logits)) - ops.mean(_float32(real_logits))


@register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class TwoObjective(Saved):
    """Two heads of one discriminator: hinge, and cross-entropy on flipped labels.

    The second head calls fakes 1 and real images 0. One trunk that has to serve both finds it
    harder to memorize a few hundred paintings. An idea of the competition's public notebooks.

    Attributes:
        weight: of the second head in the generator's loss.
    """

    weight: float = 0.4
    threshold: float = 0.0
    voting: int | None = 1

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """Hinge loss of the first head plus the weighted wish to be called 0 by the second."""
        hinge_logits, flipped_logits = fake_logits
        flipped = binary_cross_entropy(flipped_logits, 0.0)
        return Hinge().generator(hinge_logits) + self.weight * flipped

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """Sum of both heads' losses: each head gets its own gradient, the trunk the sum."""
        (real_hinge, real_flipped), (fake_hinge, fake_flipped) = real_logits, fake_logits
        hinge = Hinge().discriminator(real_hinge, fake_hinge)
        flipped = CrossEntropy(real_label=0.0, fake_label=1.0)
        return hinge + flipped.discriminator(real_flipped, fake_flipped)


@register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class EachHead(Saved):
    """The mean of one objective over all heads of a discriminator.

    Attributes:
        objective: of each head.
    """

    objective: AdversarialLoss
    voting: int | None = None

    @property
    def threshold(self) -> float:
        """That of each head."""
        return self.objective.threshold

    def generator(self, fake_logits: Logits) -> KerasTensor:
        """Mean of what the generator minimizes before each head."""
        return sum(map(self.objective.generator, fake_logits)) / len(fake_logits)

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> KerasTensor:
        """Mean of what each head minimizes."""
        return sum(map(self.objective.discriminator, real_logits, fake_logits)) / len(fake_logits)


def binary_cross_entropy(logits: KerasTensor, label: float) -> KerasTensor:
    """Mean cross-entropy between sigmoid(logits) and one label for all of them."""
    logits = _float32(logits)
    # written with softplus, it neither overflows nor takes the logarithm of 0
    return ops.mean(label * ops.softplus(-logits) + (1.0 - label) * ops.softplus(logits))


def share_called_real(logits: Logits, objective: AdversarialLoss) -> KerasTensor:
    """Share of logits above the threshold of the objective; of several heads, their mean."""
    heads = logits[: objective.voting] if isinstance(logits, list | tuple) else [logits]
    real = [ops.mean(ops.cast(_float32(head) > objective.threshold, "float32")) for head in heads]
    return sum(real) / len(real)


def mean_absolute_error(x: KerasTensor, y: KerasTensor) -> KerasTensor:
    """Mean of |x - y| over all pixels, float32: the norm of both reconstruction losses.

    For images in [-1, 1] it lies between 0 and 2. Reference: Zhu et al. 2017, equation 2.
    """
    return ops.mean(ops.abs(_float32(x) - _float32(y)))


def colour_distance(x: KerasTensor, y: KerasTensor, *, side: int = 16) -> KerasTensor:
    """Mean absolute error between means over squares: of colours, whatever the strokes.

    Args:
        x: `(n, h, w, c)`.
        y: the same shape.
        side: of the squares in pixels; the last of a row or a column may be smaller.
    """
    means = (ops.average_pool(_float32(z), side, padding="same") for z in (x, y))
    return mean_absolute_error(*means)


def contrastive_distance(
    originals: list[KerasTensor], translations: list[KerasTensor], *, temperature: float = 0.07
) -> KerasTensor:
    """How badly features tell which place of the original each place of its translation shows.

    Cross-entropy of finding the same place among all places of the same image, by the cosine of
    the features, over that of a blind guess. What all places share, the style, does not count.

    Args:
        originals: features of several scales, `(n, h, w, c)` each; constants.
        translations: the same of the translations.
        temperature: of the softmax over the places.

    Returns:
        Scalar: 0 where every place is found, 1 for a blind guess.

    Reference: Park et al. 2020, arXiv:2007.15651, equations 2 and 3.
    """
    found = [
        _place_entropy(ops.stop_gradient(x), y, temperature)
        for x, y in zip(originals, translations, strict=True)
    ]
    return sum(found) / len(found)


def _place_entropy(original: KerasTensor, translation: KerasTensor, t: float) -> KerasTensor:
    x, y = (_directions(features) for features in (original, translation))
    places = x.shape[1]
    logits = ops.matmul(y, ops.transpose(x, (0, 2, 1))) / t  # (n, places, places)
    right = ops.einsum("npc,npc->np", x, y) / t
    return ops.mean(ops.logsumexp(logits, axis=-1) - right) / math.log(places)


def _directions(features: KerasTensor) -> KerasTensor:
    """`(n, places, c)`: unit vectors from the mean over all places of an image."""
    x = _float32(features)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    x = x - ops.mean(x, axis=1, keepdims=True)
    return x / ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-6)


def _float32(x: KerasTensor) -> KerasTensor:
    # a mean over thousands of float16 numbers loses most of its digits
    return ops.cast(x, "float32")
