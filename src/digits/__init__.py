"""The library behind the stages: plain functions that know neither Hydra nor DVC."""
