"""Compare the time of an epoch in another checkout with that in this one, for each preset.

git worktree add /tmp/before HEAD~10
PYTHONPATH=src python benchmarks/epochs.py /tmp/before                                 about 2 minutes a round
PYTHONPATH=src python benchmarks/epochs.py /tmp/before --rounds 1 --presets sprint --images 1000

In each round both train each preset on random images, in turn. The first epoch, in which TensorFlow traces
the network, does not count. Both run with this Python and its packages. Prints the ratios, of this checkout
to the other, as the median over the rounds with the range.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from digits import cli
from digits.base.errors import UserError
from measuring import PRESETS, ROOT, epoch_seconds, machine, spread

EPOCHS = 4  # the recipes that select images do so from the third on
IMAGES = 20_000
IMAGES_OF_BEST = 3_000  # of a network that takes seven times as long


def round_ratios(other: Path, names: list[str], images: int, epochs: int) -> dict[str, float]:
    """Return for each preset how long the epochs take in this checkout, in relation to `other`."""
    ratios = {}
    for name in names:
        size = min(images, IMAGES_OF_BEST) if name == "best" else images
        overrides = (*PRESETS[name], "validation=0.1", f"epochs={epochs}")
        before, now = (sum(epoch_seconds(checkout, size, *overrides)) for checkout in (other, ROOT))
        ratios[name] = now / before
        print(f"{name}: {before:.2f} s in the other checkout, {now:.2f} s in this one", flush=True)
    return ratios


def main(arguments: argparse.Namespace) -> None:
    other = arguments.other.resolve()
    if not (other / "src/digits").is_dir():
        raise UserError(f"{arguments.other}: is not a checkout of this project; it has no src/digits")
    if arguments.epochs < 2:
        raise UserError("--epochs: must be 2 or more, since the first does not count")
    names = arguments.presets
    rounds = [round_ratios(other, names, arguments.images, arguments.epochs) for _ in range(arguments.rounds)]
    print(f"\n{machine()}\n\n| preset | epoch in this checkout, to the other's | rounds |\n|---|---|---|")
    for name in names:
        print(f"| {name} | {spread([ratios[name] for ratios in rounds])} | {len(rounds)} |")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("other", type=Path, help="the folder of another checkout")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS), metavar="PRESET")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--images", type=int, default=IMAGES, help=f"to train on; at most {IMAGES_OF_BEST:,} for best"
    )
    cli.run_parsed(main, parser)
