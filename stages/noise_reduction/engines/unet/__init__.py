"""The dual-stage U-Net of AURAL's first paper."""
