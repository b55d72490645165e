"""A network that says how loud every bin was: bands by turns with time."""
