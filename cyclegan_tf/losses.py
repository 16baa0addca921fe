"""What the players are trained on: adversarial objectives, cycle consistency, identity."""

from typing import Protocol

from keras import KerasTensor, ops


class AdversarialLoss(Protocol):
    """The two sides of an adversarial objective, on logits of any shape, each a float32 scalar."""

    def generator(self, fake_logits: KerasTensor) -> KerasTensor:
        """What the generator minimizes."""

    def discriminator(self, real_logits: KerasTensor, fake_logits: KerasTensor) -> KerasTensor:
        """What the discriminator minimizes."""


class CrossEntropy:
    """The non-saturating objective of Goodfellow et al. 2014, section 3: real is 1, fake is 0."""

    def generator(self, fake_logits: KerasTensor) -> KerasTensor:
        """Mean of -log sigmoid(logit): the generator wants its fakes called real."""
        return ops.mean(ops.softplus(-_float32(fake_logits)))

    def discriminator(self, real_logits: KerasTensor, fake_logits: KerasTensor) -> KerasTensor:
        """Half the sum of both cross-entropies: halved, D learns slower than G.

        Reference: Zhu et al. 2017, section 4.
        """
        real_loss = ops.mean(ops.softplus(-_float32(real_logits)))
        fake_loss = ops.mean(ops.softplus(_float32(fake_logits)))
        return 0.5 * (real_loss + fake_loss)


def mean_absolute_error(x: KerasTensor, y: KerasTensor) -> KerasTensor:
    """Mean of |x - y| over all pixels, float32: the norm of both reconstruction losses.

    For images in [-1, 1] it lies between 0 and 2. Reference: Zhu et al. 2017, equation 2.
    """
    return ops.mean(ops.abs(_float32(x) - _float32(y)))


def _float32(x: KerasTensor) -> KerasTensor:
    # a mean over thousands of float16 numbers loses most of its digits
    return ops.cast(x, "float32")
