"""What the literature has published on audio super-resolution, to compare with."""
