"""Audio files in and out, as block iterators."""
