"""A voice and the rest: the network that AURAL trains."""
