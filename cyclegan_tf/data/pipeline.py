"""The unpaired tf.data pipeline: every sample is a pure function of the seed and its number."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from cyclegan_tf.data.augmentation import Jitter, add_noise, enlarge_and_crop, flip
from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.image import center_square, decode, load_square, resize, to_float
from cyclegan_tf.distribution.cluster import WHOLE, Shard

# versions of each image in an expanded data set
VERSIONS = ("as it is", "mirrored", "upside down", "enlarged, cropped", "with noise")
EXPANSION = len(VERSIONS)


def shuffled_index(
    sample: tf.Tensor, *, count: int, batch_size: int, seed: int | tf.Tensor
) -> tf.Tensor:
    """Which image the sample of a given number shows.

    The samples come in passes, each a new order of all images. A pass is filled up to whole
    batches with images of one more shuffle, so that every epoch of
    `ceil(count / batch_size)` steps shows every image.

    Args:
        sample: scalar int64, counted over the whole training.
        count: images of the domain, at least `batch_size`.
        batch_size: images of the domain in a step.
        seed: of the domain.

    Returns:
        Scalar int64 in [0, count).
    """
    pass_length = -(-count // batch_size) * batch_size
    number, position = sample // pass_length, sample % pass_length
    refill = position // count
    return tf.random.experimental.index_shuffle(
        position % count,
        seed=tf.stack([tf.cast(seed, tf.int64), 2 * number + refill]),
        max_index=tf.constant(count - 1, tf.int64),
    )


@dataclass(frozen=True)
class Sampling:
    """How the endless batches of a training are drawn.

    Attributes:
        image_size: side of the square training images.
        batch_size: images of each domain in a batch, at most the size of the smaller domain.
        seed: fixes the order and the augmentation.
        jitter: strengths of the augmentation.
        first_step: the step to start from: the batches are those of an uninterrupted run.
        shard: what this worker reads of each batch.
        decoded: keep all images as pixels; the batches are the same.
    """

    image_size: int
    batch_size: int
    seed: int
    jitter: Jitter
    first_step: int = 0
    shard: Shard = WHOLE
    decoded: bool = False

    def numbers(self) -> tf.data.Dataset:
        """Numbers of the samples of a shard: sample i is in the batch of step i // batch_size."""
        own = self.shard.size(self.batch_size) * self.shard.replicas
        most = np.iinfo(np.int64).max // self.batch_size
        numbers = tf.data.Dataset.range(self.first_step * own, most)
        samples = numbers.map(
            lambda i: i // own * self.batch_size + self.shard.index * own + i % own
        )
        return samples.repeat()  # says that it is endless: else workers ask each other at each step


def unpaired_dataset(a: ImageSet, b: ImageSet, sampling: Sampling) -> tf.data.Dataset:
    """Endless batches of independently drawn, augmented images of both domains.

    Args:
        a: training images of domain A.
        b: training images of domain B.
        sampling: how they are drawn.

    Returns:
        Data set of `(real_a, real_b)`, each `(batch_size, image_size, image_size, 3)` float32 in
        [-1, 1]; fewer images for a shard.
    """
    draws = [_Draw(domain, sampling, place) for place, domain in enumerate((a, b))]
    return (
        sampling.numbers()
        .map(lambda sample: tuple(draw(sample) for draw in draws), tf.data.AUTOTUNE)
        .batch(sampling.shard.size(sampling.batch_size), drop_remainder=True)
        .map(lambda *pair: tuple(d.in_range(x) for d, x in zip(draws, pair, strict=True)))
        .prefetch(tf.data.AUTOTUNE)
        .with_options(untuned())
    )


def single_dataset(
    domain: ImageSet, sampling: Sampling, *, expand: bool = False
) -> tf.data.Dataset:
    """Endless batches of one domain, drawn and augmented as domain B of `unpaired_dataset`.

    Args:
        domain: training images.
        sampling: how they are drawn.
        expand: show each image in `EXPANSION` versions: as it is, mirrored, upside down, enlarged
            and cropped, noised; the jitter then gives the strengths of the last two.

    Returns:
        Data set of `(batch_size, image_size, image_size, 3)` float32 in [-1, 1].
    """
    draw = _Draw(domain, sampling, 1, expand=expand)
    return (
        sampling.numbers()
        .map(draw, tf.data.AUTOTUNE)
        .batch(sampling.shard.size(sampling.batch_size), drop_remainder=True)
        .map(draw.in_range)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(untuned())
    )


def show_versions(domain: ImageSet, sampling: Sampling) -> dict[str, np.ndarray]:
    """The images of a (small) set in all `VERSIONS` that an expanded data set has of each.

    Returns:
        By version `(n, image_size, image_size, 3)` float32 in [-1, 1].
    """
    draw = _Draw(domain, sampling, 1, expand=True)
    seeds = [tf.constant([draw.seed, place]) for place in range(len(domain))]
    rows = {
        name: tf.stack([draw.version(draw.store(i), seed, jitter) for i, seed in enumerate(seeds)])
        for name, jitter in zip(VERSIONS, draw.versions, strict=True)
    }
    return {name: draw.in_range(row).numpy() for name, row in rows.items()}


def paired_by_place(
    a: ImageSet, b: ImageSet, *, image_size: int, batch_size: int
) -> tf.data.Dataset:
    """One ordered pass over the larger of two sets, the smaller repeated, without augmentation."""
    encoded = [tf.constant(domain.encoded) for domain in (a, b)]

    def load(place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(load_square(x[place % len(x)], image_size) for x in encoded)

    return (
        tf.data.Dataset.range(max(len(a), len(b)))
        .map(load, tf.data.AUTOTUNE)
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(untuned())
    )


def image_batches(domain: ImageSet, *, image_size: int, batch_size: int) -> tf.data.Dataset:
    """One ordered pass: batches `(n, image_size, image_size, 3)`, the last one smaller."""
    return (
        tf.data.Dataset.from_tensor_slices(tf.constant(domain.encoded))
        .map(lambda encoded: load_square(encoded, image_size), tf.data.AUTOTUNE)
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(untuned())
    )


def load_images(domain: ImageSet, image_size: int) -> np.ndarray:
    """All images of a (small) set as `(n, image_size, image_size, 3)` float32 in [-1, 1]."""
    return np.stack([load_square(encoded, image_size) for encoded in domain.encoded])


def untuned() -> tf.data.Options:
    """Options of a data set without the autotuner, so that an iterator ends when it is done.

    The tuner's thread sometimes sleeps through the end, for as long as the iterator has lived and
    up to a minute (seen in TensorFlow 2.21: its callback runs before it counts as cancelled).
    Without it `tf.data.AUTOTUNE` is a thread a core.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


class Store:
    """Gives the centred square of each image of a set; the same pixels either way.

    Args:
        domain: the images.
        decoded: keep them as pixels, instead of decoding an image each time it is shown.
    """

    def __init__(self, domain: ImageSet, *, decoded: bool) -> None:
        # tensors, not Python lists: the bytes stay outside of the graph's definition
        self._content = domain.pixels if decoded else tf.constant(domain.encoded)
        self._decoded = decoded
        self._sides = tf.constant([min(size) for size in domain.sizes])
        self._square = all(width == height for width, height in domain.sizes)
        sides = {min(size) for size in domain.sizes}
        self._side = sides.pop() if len(sides) == 1 else None

    def __len__(self) -> int:
        return len(self._content)

    def __call__(self, place: tf.Tensor) -> tf.Tensor:
        """The square at a place, a scalar integer.

        Returns:
            `(s, s, 3)` uint8; s is known when the graph is made if all are of one size.
        """
        content = self._content[place]
        if self._decoded:
            side = self._sides[place]
            square = tf.reshape(tf.io.decode_raw(content, tf.uint8), [side, side, 3])
        else:
            square = decode(content)
            square = square if self._square else center_square(square)
        return tf.ensure_shape(square, [self._side, self._side, 3])


class _Draw:
    """Draws, decodes and augments the numbered samples of one domain."""

    def __init__(
        self, domain: ImageSet, sampling: Sampling, place: int, *, expand: bool = False
    ) -> None:
        self.store = Store(domain, decoded=sampling.decoded)
        self.seed = 2 * sampling.seed + place  # each domain has an order of its own
        self.image_size = sampling.image_size
        self.batch_size = sampling.batch_size
        self.versions = _versions(sampling.jitter) if expand else (sampling.jitter,)
        self.noisy = any(version.noise_std for version in self.versions)

    def __call__(self, sample: tf.Tensor) -> tf.Tensor:
        """`(image_size, image_size, 3)`, as `in_range` takes them in batches."""
        count = len(self.store)
        place = shuffled_index(
            sample,
            count=count * len(self.versions),
            batch_size=self.batch_size,
            seed=self.seed,
        )
        seed = tf.stack([self.seed, sample])
        image = self.store(place % count)
        branches = [partial(self.version, image, seed, version) for version in self.versions]
        return tf.switch_case(tf.cast(place // count, tf.int32), branches)

    def in_range(self, batch: tf.Tensor) -> tf.Tensor:
        """A batch of what was drawn, float32 in [-1, 1]."""
        return batch if self.noisy else to_float(batch)

    def version(self, image: tf.Tensor, seed: tf.Tensor, jitter: Jitter) -> tf.Tensor:
        """An image jittered as these strengths and this seed, `(2,)`, say."""
        crop_seed, flip_seed, noise_seed = tf.unstack(
            tf.random.experimental.stateless_split(seed, 3)
        )
        image = enlarge_and_crop(
            image, crop_seed, probability=jitter.crop_probability, enlarge=jitter.crop_enlarge
        )
        image = resize(image, self.image_size)
        if len(self.versions) > 1:  # others resize; all must be of one type
            image = tf.cast(image, tf.float32)
        # noise is told in [-1, 1]; without it whole batches of bytes are converted at once
        image = to_float(image) if self.noisy else image
        image = flip(
            image, flip_seed, left_right=jitter.flip_left_right, up_down=jitter.flip_up_down
        )
        return add_noise(image, noise_seed, std=jitter.noise_std)


def _versions(jitter: Jitter) -> tuple[Jitter, ...]:
    return (
        Jitter(),
        Jitter(flip_left_right=1.0),
        Jitter(flip_up_down=1.0),
        Jitter(crop_probability=1.0, crop_enlarge=jitter.crop_enlarge),
        Jitter(noise_std=jitter.noise_std),
    )
