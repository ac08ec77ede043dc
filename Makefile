# What a person types. `make help` lists it; CI runs the same targets.
.DEFAULT_GOAL := help
PY := .venv/bin/python
T ?= tests
# More than cores: half of the time a test waits for a process, a disk or a clock.
WORKERS ?= 4
SEED ?= 1

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: dev ## issue, sign, seal and verify one result in build/demo
	$(PY) scripts/demo.py

test: dev ## the tests; T=tests/unit/test_x.py for some of them
	$(PY) -m pytest -n $(WORKERS) --dist worksteal $(T)

stalls: dev ## the tests on a machine that stands still now and then; T=… for some of them, SEED=2 for another run
	$(PY) -m tests.support.stalls --seed $(SEED) --burners 2 --workers 2 $(T)

dev: .venv/installed ## system packages, .venv, locked dependencies, esign itself

.venv/installed: scripts/bootstrap.sh requirements/dev.txt pyproject.toml
	sh scripts/bootstrap.sh
	@touch $@

lint: dev ## format, ruff, mypy (also as on Windows), import contracts, generated docs
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy --platform win32
	.venv/bin/lint-imports
	$(PY) scripts/generate_docs.py --check

format: dev ## let ruff rewrite what it can
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: dev ## ratios and figures measured in one run, to build/bench*.json
	$(PY) -m bench.signing
	$(PY) -m bench.issuance
	$(PY) -m bench.lines
	$(PY) -m bench.cold
	$(PY) -m bench.tokens
	$(PY) -m bench.status
	$(PY) -m bench.photos
	$(PY) -m bench.service

torture: dev ## the long campaigns, with the figures reached; TORTURE="--hours 8 --seed 1" for a night
	$(PY) -m tests.support.torture $(TORTURE)

interop: dev ## what other software says of what we make
	$(PY) scripts/interop.py

docs: dev ## regenerate docs/cli.md, docs/spec/reasons.md and the pictures
	$(PY) scripts/generate_docs.py
	$(PY) scripts/picture.py
	$(PY) scripts/citizen_pictures.py

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
lock: ## refresh requirements/*.txt (needs uv); what the image installs is what the tests ran with
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements/dev.txt
	$(LOCK) --extra cli --extra postgresql --extra service --extra store --extra telemetry \
	  -c requirements/dev.txt pyproject.toml -o requirements/service.txt
	echo 'hatchling>=1.27' | $(LOCK) -c requirements/dev.txt - -o requirements/build.txt

clean: ## remove what was built
	rm -rf build .venv

.PHONY: help demo test stalls dev lint format bench torture interop docs lock clean
