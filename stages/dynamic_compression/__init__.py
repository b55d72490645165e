"""Dynamic compression: compressors, gate and de-esser."""
