"""Trained generators at work: pictures of any size, tiles, `images.zip`."""
