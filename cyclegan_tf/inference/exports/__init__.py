"""Generators in the formats of other runtimes, each checked after it was written."""
