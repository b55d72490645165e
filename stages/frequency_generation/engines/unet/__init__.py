"""A network that says how loud every bin was: a U-Net."""
