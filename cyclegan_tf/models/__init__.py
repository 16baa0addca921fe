"""The models: their training steps, losses, stabilizers and optimizers."""
