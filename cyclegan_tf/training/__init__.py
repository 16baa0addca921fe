"""A run from its start to its end: loop, checkpoint, resumption."""
