"""The networks: generators, discriminators and their layers, in Keras alone."""
