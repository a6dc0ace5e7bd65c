"""Start `mlflow ui`, and say at which address the runs are compared.

python src/ui.py
python src/ui.py 5001
python src/ui.py 5000 0123456789abcdef0123456789abcdef     only the trials of this sweep or search
"""

import argparse

from digits import cli


def main(arguments: argparse.Namespace) -> int:
    from digits.reports import ui

    return ui.show(arguments.port, arguments.sweep)


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("port", nargs="?", type=int, default=5000, help="port of this machine; default: 5000")
    parser.add_argument(
        "sweep",
        nargs="?",
        default="",
        help="the id of a sweep or search, to compare its trials; default: all runs",
    )
    cli.run_parsed(main, parser)
