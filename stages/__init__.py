"""AURAL's own stages, one room each. They register by entry point, as anyone else's do."""
