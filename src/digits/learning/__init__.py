"""Training and evaluation with Keras on TensorFlow. Its modules import TensorFlow, except `history` and
`runtime`."""
