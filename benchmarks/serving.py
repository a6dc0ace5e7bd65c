"""Measure the server of this project and `mlflow models serve` of the same model, side by side.

PYTHONPATH=src python benchmarks/serving.py                             models/model.keras
PYTHONPATH=src python benchmarks/serving.py --rounds 1 --requests 50    shorter
PYTHONPATH=src python benchmarks/serving.py --model other.keras

Both run on this machine, and so do the clients, each with a connection that is kept open. MLflow gets one
image as JSON at /invocations. This server gets the same, and at /predict the image as a PNG, and a drawing of
280 x 280 pixels, which it has to prepare. In each round all take turns. Memory is that of all processes of a
server (proportional set size) after its last answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from digits import cli
from digits.base.paths import ROOT
from http_load import Load, free_port, running, seconds_of_requests
from measuring import machine, spread

CLIENTS = (1, 8, 64)


def loads() -> tuple[Load, list[Load]]:
    """Return what MLflow is asked, and what this server is asked."""
    drawing = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(drawing).line([(60, 60), (210, 70), (120, 230)], fill=0, width=20)
    image = Image.fromarray(255 - np.asarray(drawing.resize((28, 28))))
    tensor = json.dumps({"inputs": np.asarray(image)[None, ..., None].tolist()}).encode()
    as_png = []
    for picture in (image, drawing):
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        as_png.append(stream.getvalue())
    invocations = Load("/invocations with JSON", "/invocations", "application/json", tensor)
    return invocations, [
        invocations,
        Load("/predict with a PNG of 28 x 28", "/predict", "image/png", as_png[0]),
        Load("/predict with a drawing of 280 x 280", "/predict", "image/png", as_png[1]),
    ]


def write_model(file: Path, folder: Path) -> None:
    """Write the model in MLflow's format."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from digits.learning import model_file, runtime

    runtime.start(1)
    model = model_file.read(file).model
    takes = TensorSpec(np.dtype(np.uint8), (-1, *model.input_shape[1:]))
    mlflow.keras.save_model(
        model, str(folder), signature=ModelSignature(Schema([takes])), pip_requirements=[]
    )


def main(arguments: argparse.Namespace) -> None:
    for_mlflow, for_digits = loads()
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        write_model(arguments.model, Path(temporary) / "model")
        ports = free_port(), free_port()
        of_mlflow = ("-m", "mlflow", "models", "serve", "-m", f"{temporary}/model", "--env-manager", "local")
        of_digits = ("src/serve.py", f"--model={arguments.model.resolve()}")
        mlflow, digits = (
            stack.enter_context(running(port, [*command, "--port", str(port)]))
            for port, command in zip(ports, (of_mlflow, of_digits), strict=True)
        )
        asked = [
            ("mlflow models serve", mlflow, for_mlflow),
            *(("digits", digits, load) for load in for_digits),
        ]
        measured: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
        for _ in range(arguments.rounds):
            for clients in CLIENTS:
                for number, (_, server, load) in enumerate(asked):
                    requests = max(arguments.requests, 2 * clients)
                    seconds, total = asyncio.run(seconds_of_requests(server.port, load, clients, requests))
                    figures = statistics.median(seconds), float(np.percentile(seconds, 99)), requests / total
                    measured.setdefault((clients, number), []).append(figures)
        memory, starts = (
            (mlflow.megabytes(), digits.megabytes()),
            (mlflow.seconds_to_start, digits.seconds_to_start),
        )
    print(machine())
    print("\n| clients | | median, ms | 99th percentile, ms | requests a second |\n|---|---|---|---|---|")
    for (clients, number), rounds in measured.items():
        median, high, rate = (statistics.median(values) for values in zip(*rounds, strict=True))
        name = f"{asked[number][0]}, {asked[number][2].name}"
        print(f"| {clients} | {name} | {1000 * median:.1f} | {1000 * high:.1f} | {rate:.0f} |")
    print("\n| digits to `mlflow models serve` | ratio | rounds |\n|---|---|---|")
    for clients, what, which in ((1, "median of one request", 0), (64, "requests a second of 64 clients", 2)):
        for number, (_, _, load) in list(enumerate(asked))[1:]:
            pairs = zip(measured[clients, number], measured[clients, 0], strict=True)
            ratios = [ours[which] / theirs[which] for ours, theirs in pairs]
            print(f"| {what}, {load.name} | {spread(ratios)} | {len(ratios)} |")
    for what, (theirs, ours) in (("memory, MB", memory), ("seconds to start", starts)):
        print(f"| {what}: {ours:.1f} to {theirs:.1f} | {ours / theirs:.2f} | 1 |")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("--model", type=Path, default=ROOT / "models/model.keras")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=300, help="of each kind in a round")
    cli.run_parsed(main, parser)
