"""Train convolutional networks on small images, and record every experiment."""
