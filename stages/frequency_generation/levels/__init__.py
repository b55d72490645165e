"""Networks that say how loud every bin of a damaged spectrum was, and a noise that fills what is missing."""
