"""Begin a project of your own from this one: its files without the results, under the name of its folder.

python src/template.py ../flowers            a project named flowers, beside this one
python src/template.py ~/projects/flowers    in another folder, which has to exist
make template DEST=../flowers                the same
python src/template.py ../flowers && cd ../flowers && make run
"""

import argparse
import shlex

from digits import cli


def main(arguments: argparse.Namespace) -> None:
    from digits.development import template

    folder, committed = template.create(arguments.folder)
    print(f"{folder}: a project of its own, from the last commit of this one. To begin:")
    print(f"cd {shlex.quote(str(folder))}")
    if not committed:
        print("git commit -m 'First commit'      once git config has your user.name and user.email")
    print("make run\nREADME.md says what to do next.")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("folder", metavar="DEST", help="the new folder; its last part is the project's name")
    cli.run_parsed(main, parser)
