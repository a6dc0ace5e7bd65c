"""An experiment: train a model, evaluate it, or both, as one recorded run."""
