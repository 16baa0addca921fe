"""Devices: precision, XLA, replicas, several machines."""
