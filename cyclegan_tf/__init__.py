"""CycleGAN for TensorFlow and Keras 3: unpaired image-to-image translation.

Importing the package does nothing; import what you need from its modules, for example
`from cyclegan_tf.models.networks.generators import unet_generator`.
"""

__version__ = "0.2.0"
