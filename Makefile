# What people, hooks and CI call; each target makes sure that .venv is there.

PYTHON ?= python3
PORT ?= 5000
SECONDS ?= 60
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header pyproject.toml

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true

# `dvc exp run` commits its results under refs/exps, and needs a name for that if git has none.
export GIT_AUTHOR_NAME := $(or $(GIT_AUTHOR_NAME),$(shell git config user.name),digits)
export GIT_AUTHOR_EMAIL := $(or $(GIT_AUTHOR_EMAIL),$(shell git config user.email),digits@localhost)
export GIT_COMMITTER_NAME := $(or $(GIT_COMMITTER_NAME),$(GIT_AUTHOR_NAME))
export GIT_COMMITTER_EMAIL := $(or $(GIT_COMMITTER_EMAIL),$(GIT_AUTHOR_EMAIL))

.PHONY: help setup run letters test test-fast test-slow test-servers test-benchmarks check format schemas template promote serve compare sync ui plots bench export-setup team-setup lock audit fuzz

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

setup: .venv/installed ## create .venv and install what requirements.txt pins

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
		"error: PYTHON: Python %d.%d; TensorFlow needs 3.11 to 3.13: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv
	pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

run: setup ## run the pipeline on the 5,000 digits of data=sample, in a copy of the project
	@python src/run.py data=sample

letters: setup ## draw the letters A to Z from the fonts of Debian packages, for data=letters
	@python examples/letters.py

test: setup ## run the test suite
	pytest tests/end_to_end tests/unit --ignore tests/end_to_end/slow

test-fast: setup ## run the tests that need no process of their own
	pytest tests/unit

test-slow: setup ## kill commands again and again, run several at once, let disks and servers fail
	pytest tests/end_to_end/slow

test-servers: team-setup ## work with PostgreSQL, S3, Slurm and Ray on this machine (Debian's postgresql and slurm-wlm)
	pip install --quiet --disable-pip-version-check --require-hashes -r tests/servers/requirements.txt
	pytest tests/servers

test-benchmarks: setup ## run each benchmark once, as short as can be
	pytest tests/benchmarks

check: setup ## lint, check formatting, types and the editor's schemas
	ruff check
	ruff format --check
	mypy
	python src/schemas.py --check

format: setup ## format the code
	ruff check --fix
	ruff format

schemas: setup ## write the schemas with which editors check params.yaml and conf/, after a change to a key
	@python src/schemas.py

template: setup ## begin a project of your own from this one, in the folder DEST, whose last part is its name
	@python src/template.py "$(DEST)"

promote: setup ## use the model of RUN, by default of the best run, if it is better than the champion
	@python src/promote.py "$(RUN)"

serve: setup ## serve the champion on PORT (8000), with a page on which you draw a digit
# exec, since Ctrl-C would interrupt a shell too, and make would call that an error
	@exec python src/serve.py $(if $(filter file,$(origin PORT)),,--port $(PORT))

compare: setup ## rank the runs, or those that FILTER selects in MLflow's search syntax
	@python src/compare.py "$(FILTER)"

sync: setup ## record what waits in outbox/ because the tracking server was away
	@python src/sync.py

ui: setup ## start mlflow ui on PORT, and say at which address the runs, or those of SWEEP, are compared
	@python src/ui.py $(PORT) $(SWEEP)

plots: setup ## draw DVC's charts, of what is here or of REVS to compare, in a page that needs no network
	@python src/plots.py $(REVS)

bench: export PYTHONPATH := src
bench: setup ## measure the presets against the tutorial's plain script (half an hour on MNIST), and the pipeline
	python benchmarks/bench.py
	python benchmarks/pipeline.py

export-setup: setup ## install what export to ONNX and LiteRT needs
	pip install --quiet --disable-pip-version-check --require-hashes -r requirements-export.txt

team-setup: setup ## install what a team's server, S3, Slurm and Ray need
	pip install --quiet --disable-pip-version-check --require-hashes -r requirements-team.txt

lock: ## pin the newest versions that pyproject.toml allows (needs uv)
	$(COMPILE) --group dev --output-file requirements.txt
	# without what is pinned already
	$(COMPILE) --constraint requirements.txt --extra onnx --extra litert \
		| grep -vxFf requirements.txt >requirements-export.txt
	$(COMPILE) --constraint requirements.txt $(addprefix --extra ,auth postgres s3 slurm ray) \
		| grep -vxFf requirements.txt >requirements-team.txt
	$(COMPILE) --constraint requirements.txt --constraint requirements-team.txt --group servers \
		| grep -vxFf requirements.txt -f requirements-team.txt >tests/servers/requirements.txt

audit: setup ## check the pinned packages against known vulnerabilities; fails too if one cannot be checked
	pip-audit --strict --require-hashes --disable-pip --progress-spinner off --requirement requirements.txt

fuzz: setup ## feed what reads files with bytes that reach new code, for SECONDS each (Linux)
	pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.txt
	PYTHONPATH=src:tests/fuzz python tests/fuzz/fuzz.py idx $(SECONDS)
	PYTHONPATH=src:tests/fuzz python tests/fuzz/fuzz.py params $(SECONDS)
