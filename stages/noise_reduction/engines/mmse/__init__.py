"""The estimator of the amplitude of speech by statistics of frames."""
