"""Train the network of the well-known tutorial in one plain Keras script.

python benchmarks/tutorial_keras.py data/raw 0 10     the folder with the four files, the seed, and the epochs

Digits is measured against it, so it is written as a learner would write it. bench.py reads the last line
that it prints.
"""

import gzip
import json
import sys
import time
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from numpy.typing import NDArray

folder, seed, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
keras.utils.set_random_seed(seed)


def read(name: str, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=header)


train_x = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
train_y = read("train-labels-idx1-ubyte.gz", 8)
test_x = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
test_y = read("t10k-labels-idx1-ubyte.gz", 8)
print("train", train_x.shape, train_y.shape, "test", test_x.shape, test_y.shape)

for i in range(9):
    plt.subplot(330 + 1 + i)
    plt.imshow(train_x[i], cmap="gray")
plt.savefig("first_nine.png")

x = train_x.reshape(-1, 28, 28, 1).astype("float32") / 255
x_test = test_x.reshape(-1, 28, 28, 1).astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu", kernel_initializer="he_uniform"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(100, activation="relu", kernel_initializer="he_uniform"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

start = time.perf_counter()
model.fit(x, train_y, epochs=epochs, batch_size=32, verbose=2)
seconds = time.perf_counter() - start

_, accuracy = model.evaluate(x_test, test_y, verbose=0)
model.save("model.keras")
parameters = model.count_params()
print(json.dumps({"test_accuracy": accuracy, "train_seconds": seconds, "parameters": parameters}))
