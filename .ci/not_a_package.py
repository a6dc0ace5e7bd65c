"""What pip and others call to make a package of this project, which is none: see CONTRIBUTING.md."""

raise SystemExit("error: this is a project to work in, not a package; `make setup` installs what it needs")
