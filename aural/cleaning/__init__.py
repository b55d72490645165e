"""From a diagnosis to a clean recording: what each stage advises, and the chain run over files."""
