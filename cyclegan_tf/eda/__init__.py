"""The survey of a data set."""
