"""Draw DVC's charts of this state, or of revisions to compare, in a page that needs no network.

python src/plots.py
python src/plots.py main                  what is here beside main
python src/plots.py main my-exp other-exp
"""

import argparse

from digits import cli


def main(arguments: argparse.Namespace) -> None:
    from digits.reports import plots

    plots.show(arguments.revisions)


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument(
        "revisions", nargs="*", help="commits, branches, tags or experiments (default: what is here)"
    )
    cli.run_parsed(main, parser)
