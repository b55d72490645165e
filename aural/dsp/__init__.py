"""Building blocks of stages: STFT frames, long segments, resampling, spectra, compiled loops."""
