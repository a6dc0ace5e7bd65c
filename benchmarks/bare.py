"""The default experiment in one process, without Hydra, DVC and MLflow: python benchmarks/bare.py RAW OUT

Fetched files in, predictions and a model out, through the library alone: what the pipeline around it costs
is measured against this.
"""

import os
import sys
from pathlib import Path

import numpy as np
import yaml

from measuring import ROOT

sys.path.insert(0, str(ROOT / "src"))

import entry_point

entry_point.quiet()

from digits import config, data, evaluation, runtime, training  # noqa: E402

raw, out = map(Path, sys.argv[1:])
card = yaml.safe_load((ROOT / "params.yaml").read_text())
presets = {group: card[group] for group in config.PRESETS}
sections = {
    group: yaml.safe_load((ROOT / f"conf/{group}/{name}.yaml").read_text()) for group, name in presets.items()
}
own = {"threads": len(os.sched_getaffinity(0)), "model_file": "", "resume": False}
chosen = config.parse(card | sections | own, presets)

prepared = data.prepare(raw, chosen.validation, chosen.split_seed)
runtime.start(chosen.threads)
model, _ = training.train(
    chosen.model,
    chosen.recipe,
    prepared.train,
    prepared.validation,
    seed=chosen.seed,
    epochs=chosen.epochs,
    batch_size=chosen.batch_size,
    learning_rate=chosen.learning_rate,
    on_epoch=lambda _: None,
)
out.mkdir(parents=True)
training.save(model, out / "model.keras")
report = evaluation.evaluate(out / "model.keras", prepared.test)
np.savetxt(out / "predictions.csv", report.predicted, fmt="%d")
print(report.accuracy)
