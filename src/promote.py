"""Use the model of a run: make it champion if it is better than the present one on the validation images.

python src/promote.py                     the best run by validation accuracy
python src/promote.py RUN                 the run with this id or name
python src/promote.py RUN force=true      whatever the champion is
python src/promote.py list data=letters   the versions so far
python src/promote.py rollback            the champion before this one again
"""

import argparse

from digits import cli
from digits.serving import options


def main(arguments: argparse.Namespace) -> None:
    from digits.serving import promotion

    data = options.data_of(arguments)
    if arguments.run == "list":
        promotion.show_versions(data)
    elif arguments.run == "rollback":
        promotion.roll_back(data)
    else:
        promotion.promote(arguments.run, data, arguments.force == "true")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument(
        "run",
        nargs="?",
        metavar="RUN",
        help="id or name of a run, or list, or rollback; default: the best run",
    )
    options.add_data(parser)
    parser.add_argument(
        "--force", choices=("true", "false"), default="false", help="promote even if it is not better"
    )
    cli.run_parsed(main, parser)
