"""A small network that predicts the level of the new band."""
