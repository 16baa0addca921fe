"""The well-known tutorial's CycleGAN, written anew: what the benchmarks measure ours against.

It computes what the tutorial computes, with its flaws that cost or save time: a norm at the dead
bottleneck, one persistent tape that is asked for four gradients, four optimizers, a data set
that is decoded in every pass, and one eager call for every picture of the submission.
"""

import shutil
from pathlib import Path

import keras
import tensorflow as tf
from keras import layers
from PIL import Image

Pictures = tf.Tensor  # (n, h, w, 3) float32 in [-1, 1]
CYCLE_WEIGHT, IDENTITY_WEIGHT = 10.0, 5.0
ENCODER = (64, 128, 256, 512, 512, 512, 512, 512)
DECODER = (512, 512, 512, 512, 256, 128, 64)
SHUFFLED = 2048  # images in the shuffle buffer
FEATURES = {
    name: tf.io.FixedLenFeature([], tf.string) for name in ("image", "image_name", "target")
}


def _normal(mean: float = 0.0) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(mean, 0.02)


def _norm(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.GroupNormalization(groups=x.shape[-1], gamma_initializer=_normal())(x)


def generator(size: int) -> keras.Model:
    """The U-Net down to 1 x 1; at other sizes than 256 px with as many levels as fit."""
    depth = min(len(ENCODER), size.bit_length() - 1)
    x = inputs = keras.Input((size, size, 3))
    options = {"strides": 2, "padding": "same"}
    skips = []
    for level, filters in enumerate(ENCODER[:depth]):
        x = layers.Conv2D(filters, 4, use_bias=False, kernel_initializer=_normal(), **options)(x)
        x = layers.LeakyReLU(negative_slope=0.3)(_norm(x) if level else x)
        skips.append(x)
    for level, filters in enumerate(DECODER[len(DECODER) - depth + 1 :]):
        x = layers.Conv2DTranspose(
            filters, 4, use_bias=False, kernel_initializer=_normal(), **options
        )(x)
        x = _norm(x)
        x = layers.Dropout(0.5)(x) if level < 3 else x
        x = layers.Concatenate()([layers.ReLU()(x), skips[depth - 2 - level]])
    x = layers.Conv2DTranspose(3, 4, activation="tanh", kernel_initializer=_normal(), **options)(x)
    return keras.Model(inputs, x)


def discriminator(size: int) -> keras.Model:
    """The PatchGAN of 70 px patches."""
    x = inputs = keras.Input((size, size, 3))
    for level, filters in enumerate((64, 128, 256)):
        x = layers.Conv2D(
            filters, 4, strides=2, padding="same", use_bias=False, kernel_initializer=_normal()
        )(x)
        x = layers.LeakyReLU(negative_slope=0.3)(_norm(x) if level else x)
    x = layers.Conv2D(512, 4, use_bias=False, kernel_initializer=_normal())(
        layers.ZeroPadding2D()(x)
    )
    x = layers.ZeroPadding2D()(layers.LeakyReLU(negative_slope=0.3)(_norm(x)))
    return keras.Model(inputs, layers.Conv2D(1, 4, kernel_initializer=_normal())(x))


class TutorialCycleGan(keras.Model):
    """All losses under one persistent tape, then a gradient and an Adam for each network."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.paint, self.photograph = generator(size), generator(size)
        self.judge_paintings, self.judge_photos = discriminator(size), discriminator(size)

    def compile(self, **options: object) -> None:
        """Makes the four optimizers."""
        super().compile(**options)
        self.adams = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(4)]

    def train_step(self, batch: tuple[Pictures, Pictures]) -> dict[str, tf.Tensor]:
        """One step of all four networks."""
        photos, paintings = batch
        with tf.GradientTape(persistent=True) as tape:
            painted = self.paint(photos, training=True)
            photos_again = self.photograph(painted, training=True)
            photographed = self.photograph(paintings, training=True)
            paintings_again = self.paint(photographed, training=True)
            same_paintings = self.paint(paintings, training=True)
            same_photos = self.photograph(photos, training=True)
            verdicts = [
                judge(pictures, training=True)
                for judge, pictures in (
                    (self.judge_paintings, paintings),
                    (self.judge_photos, photos),
                    (self.judge_paintings, painted),
                    (self.judge_photos, photographed),
                )
            ]
            cycle = CYCLE_WEIGHT * (
                _distance(photos, photos_again) + _distance(paintings, paintings_again)
            )
            losses = [
                _entropy(verdicts[2], 1.0)
                + cycle
                + IDENTITY_WEIGHT * _distance(paintings, same_paintings),
                _entropy(verdicts[3], 1.0)
                + cycle
                + IDENTITY_WEIGHT * _distance(photos, same_photos),
                0.5 * (_entropy(verdicts[0], 1.0) + _entropy(verdicts[2], 0.0)),
                0.5 * (_entropy(verdicts[1], 1.0) + _entropy(verdicts[3], 0.0)),
            ]
        networks = (self.paint, self.photograph, self.judge_paintings, self.judge_photos)
        found = [
            tape.gradient(loss, network.trainable_variables)
            for loss, network in zip(losses, networks, strict=True)
        ]
        for adam, network, gradients in zip(self.adams, networks, found, strict=True):
            adam.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        names = ("paint", "photograph", "judge_paintings", "judge_photos")
        return dict(zip(names, map(tf.reduce_mean, losses), strict=True))


def _entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
    loss = keras.losses.BinaryCrossentropy(from_logits=True, reduction="none")
    return loss(tf.fill(tf.shape(logits), label), logits)


def _distance(x: Pictures, y: Pictures) -> tf.Tensor:
    return tf.reduce_mean(tf.abs(x - y))


def dataset(folder: Path, size: int) -> tf.data.Dataset:
    """Single pictures of all records of a folder."""

    def read(record: tf.Tensor) -> Pictures:
        image = tf.io.parse_single_example(record, FEATURES)["image"]
        resized = tf.image.resize(tf.image.decode_jpeg(image, channels=3), [size, size])
        return tf.cast(resized, tf.float32) / 127.5 - 1.0

    files = tf.io.gfile.glob(str(folder / "*.tfrec"))
    records = tf.data.TFRecordDataset(files, num_parallel_reads=tf.data.AUTOTUNE)
    return records.map(read, num_parallel_calls=tf.data.AUTOTUNE)


def training_batches(
    data: Path, size: int, batch_size: int, *, endless: bool = False
) -> tf.data.Dataset:
    """Photos beside paintings, an epoch of both taken twice as often as there are paintings.

    Args:
        data: folder in Kaggle's layout.
        size: pixels a side.
        batch_size: of each domain.
        endless: go on without filling the shuffle buffers anew, as the tutorial does each epoch.
    """
    photos, paintings = (dataset(data / f"{kind}_tfrec", size) for kind in ("photo", "monet"))
    photos = photos.repeat() if endless else photos
    paintings = paintings.repeat() if endless else paintings.repeat(2)
    batches = [
        pictures.shuffle(buffer).batch(batch_size).prefetch(tf.data.AUTOTUNE)
        for pictures, buffer in ((photos, SHUFFLED), (paintings, 600))
    ]
    return tf.data.Dataset.zip(tuple(batches))


def write_submission(
    network: keras.Model, batches: tf.data.Dataset, folder: Path, count: int
) -> None:
    """One eager call and one file a picture, then a zip of the folder, which is removed."""
    folder.mkdir(parents=True)
    number = 0
    for batch in batches:
        for photo in batch:
            if number == count:
                break
            painted = network(photo[None], training=False)[0].numpy()
            number += 1
            pixels = (painted * 127.5 + 127.5).astype("uint8")
            Image.fromarray(pixels).save(folder / f"{number}.jpg")
    shutil.make_archive(str(folder), "zip", folder)
    shutil.rmtree(folder)
