"""The part of AURAL that learns: material, losses, training, evaluation."""
