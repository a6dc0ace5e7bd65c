"""Write the JSON schemas in .vscode/schemas/, with which editors check params.yaml and conf/.

python src/schemas.py                        after a change to a key, its type or its comment
python src/schemas.py && git diff .vscode    and see what changed
python src/schemas.py --check                only say whether they are current
"""

import argparse

from digits import cli
from digits.base.errors import UserError


def main(arguments: argparse.Namespace) -> None:
    from digits.development import schemas

    if not arguments.check:
        for file in schemas.write():
            print(file)
    elif outdated := schemas.outdated():
        names = ", ".join(file.name for file in outdated)
        raise UserError(f"{schemas.FOLDER}: not current: {names}; `make schemas` writes them")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing, and fail if they are not current (default: write)",
    )
    cli.run_parsed(main, parser)
