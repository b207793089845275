# riskmodel. `make` alone lists the targets; `make report` and `make test` are the two that matter.
# Needs: make, a shell and some python3 >= 3.9 (only to fetch uv where uv is absent). Works with GNU make 3.81 and later.

.DEFAULT_GOAL := help
SHELL := /bin/sh
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX

UV_VERSION := 0.13.9
BIN        := .venv/bin
STAMP      := .venv/.stamp
KERNEL     := .venv/share/jupyter/kernels/riskmodel/kernel.json
SOURCES    := $(shell find riskmodel data -type f ! -name '*.pyc' ! -path '*/.work/*' 2>/dev/null | sed 's/ /\\ /g')
ARGS       :=

.PHONY: help report site test test-slow lint lint-rules lint-format lint-types lint-spelling lint-size \
        browser lab fit validate bench lock env clean FORCE

help: ## list these targets
	@echo "riskmodel: make TARGET"
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1|/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'
	@echo "  Options go in ARGS, for example: make test ARGS=\"-n 2 -k packaging\""

# ── what people run ──────────────────────────────────────────────────────────────────────────────────────────────

site: $(STAMP) ## render the comparison, fiches and notebooks as a site in reports/site/ (some minutes)
	$(BIN)/riskmodel report --all --out reports/site/ $(ARGS)

report: reports/.made ## render the comparison as one HTML file in reports/ (again only when something changed)
	@ls -1 reports/*.html

reports/.made: $(STAMP) $(SOURCES) $(if $(wildcard reports/*.html),$(if $(ARGS),FORCE),FORCE)
	$(BIN)/riskmodel report --out reports/ $(ARGS)
	@touch $@

test: $(STAMP) ## run the tests, without the slow ones
	$(BIN)/pytest $(ARGS)

test-slow: $(STAMP) ## run only the slow tests: recovery of known truth, simulation-based calibration
	$(BIN)/pytest -m slow $(ARGS)

# Debian's packages are fetched only where a tool is missing, and only as root.
browser: ## install what the tests in a browser need: npm packages, and Chromium, Node and poppler where missing
	@set -u; missing=; \
	for pair in chromium:chromium node:nodejs npm:npm pdfinfo:poppler-utils; do \
	  command -v "$${pair%:*}" >/dev/null 2>&1 || missing="$$missing $${pair#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get -qq update && apt-get -qq install -y --no-install-recommends $$missing >/dev/null || exit 1; \
	  else \
	    echo "riskmodel: the tests in a browser need$$missing: install that and run make browser again." >&2; exit 1; \
	  fi; \
	fi
	@npm install --prefix tests/browser --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error

lint: lint-rules lint-format lint-types lint-spelling lint-size ## ruff, format check, mypy, spelling, size of the package

lint-rules: $(STAMP)
	$(BIN)/ruff check

lint-format: $(STAMP)
	$(BIN)/ruff format --check

lint-types: $(STAMP)
	$(BIN)/mypy

lint-spelling: $(STAMP)
	$(BIN)/codespell

lint-size: $(STAMP)
	$(BIN)/python benchmarks/run.py --size

lab: $(KERNEL) ## open JupyterLab on notebooks/ with the kernel of this project
	$(BIN)/jupyter lab notebooks/ $(ARGS)

$(KERNEL): $(STAMP)
	@$(BIN)/python -m ipykernel install --sys-prefix --name riskmodel --display-name riskmodel >/dev/null
	@touch $@

fit: $(STAMP) ## fit the model again to data/ (a few minutes); writes the shipped posterior
	$(BIN)/riskmodel fit --reference $(ARGS)

validate: $(STAMP) ## fits to simulated and past data (about an hour; goes on after an interrupt), then the slow tests
	$(BIN)/riskmodel validate --out riskmodel/reference/validation $(ARGS)
	$(BIN)/pytest -m slow

bench: $(STAMP) ## measure the promised speeds (ARGS=--fit measures the fit too)
	$(BIN)/python benchmarks/run.py $(ARGS)

clean: ## remove reports, caches and build leftovers; keeps .venv (rm -rf .venv .uv starts from nothing)
	rm -rf reports dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . \( -path ./.venv -o -path ./.uv -o -path ./.git \) -prune -o \
	  \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -exec rm -rf {} +

# ── the environment ──────────────────────────────────────────────────────────────────────────────────────────────

# Sets $$uv: the one on PATH when it works, else our own in .uv/. A pyenv shim can be on PATH and not work, hence the tries.
define FIND_UV
tell() { echo "$$*" >&2; }; \
uv=uv; \
if ! uv python find --help >/dev/null 2>&1; then \
  uv=.uv/bin/uv; \
  if ! "$$uv" --version >/dev/null 2>&1; then \
    old=; boot=; \
    for p in python3 python3.13 python3.12 python3.11 python3.10 python3.9 /usr/bin/python3 \
             "$${PYENV_ROOT:-$${HOME:-}/.pyenv}"/versions/*/bin/python3 "$${HOME:-}"/.pyenv/versions/*/bin/python3; do \
      "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 || continue; \
      old=$$p; \
      "$$p" -c 'import venv, ensurepip' >/dev/null 2>&1 && { boot=$$p; break; }; \
    done; \
    if [ -z "$$old" ]; then \
      tell "riskmodel needs Python 3.12 or newer: install Python 3.13 (for example \`pyenv install 3.13\` or \`uv python install 3.13\`) and run make again."; exit 1; \
    elif [ -z "$$boot" ]; then \
      tell "riskmodel: $$old cannot make environments: install its venv module (Debian and Ubuntu: \`apt install python3-venv\`) or uv, and run make again."; exit 1; \
    fi; \
    tell "riskmodel: uv is not installed; fetching uv $(UV_VERSION) into .uv/"; \
    rm -rf .uv; \
    "$$boot" -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)" || \
      { tell "riskmodel: could not fetch uv (see above): install uv by hand or check the network, and run make again."; rm -rf .uv; exit 1; }; \
  fi; \
fi
endef

# Sets $$python: 3.13 as .python-version says, else another the package accepts, else a download of 3.13. uv looks on PATH
# and among its own; the versions of pyenv are added, for pyenv's shims only answer for the versions chosen just now.
define FIND_PYTHON
find_python() { \
  more=; \
  for d in "$${PYENV_ROOT:-$${HOME:-}/.pyenv}"/versions/*/bin "$${HOME:-}"/.pyenv/versions/*/bin; do more="$$more:$$d"; done; \
  PATH="$$PATH$$more" "$$uv" python find --system --no-project --no-python-downloads "$$1" 2>/dev/null; \
}; \
wanted=$$(cat .python-version); \
python=$$(find_python "$$wanted" || find_python 3.13 || find_python 3.12 || find_python 3.14 || { \
  tell "riskmodel: no Python 3.12 to 3.14 here; trying to download $$wanted"; \
  UV_PYTHON_INSTALL_BIN=0 "$$uv" python install --quiet "$$wanted" >/dev/null 2>&1; find_python "$$wanted"; \
} || find_python '>=3.12') || { \
  tell "riskmodel needs Python 3.12 or newer: install Python 3.13 (for example \`pyenv install 3.13\` or \`uv python install 3.13\`) and run make again."; exit 1; }
endef

env: $(STAMP) ## only make .venv

$(STAMP): requirements.lock pyproject.toml .python-version $(if $(shell test -x $(BIN)/python && echo ok),,FORCE)
	@set -u; $(FIND_UV); \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
	  $(FIND_PYTHON); \
	  rm -rf .venv; \
	  "$$uv" venv --quiet --no-project --python "$$python" .venv || exit 1; \
	fi; \
	tell "riskmodel: installing what requirements.lock lists into .venv (a minute or two the first time)"; \
	"$$uv" pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock && \
	"$$uv" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . || exit 1; \
	touch $@

# Keeps the pinned versions that still fit; `make lock ARGS=--upgrade` takes the newest of each.
lock: ## write requirements.lock again from pyproject.toml
	@set -u; $(FIND_UV); \
	new=requirements.lock.new; \
	cat requirements.lock > $$new 2>/dev/null; \
	"$$uv" pip compile --quiet pyproject.toml --group dev --generate-hashes --universal --python-version 3.12 \
	  --no-annotate --no-header $(ARGS) --output-file $$new || { rm -f $$new; exit 1; }; \
	{ echo '# Exact versions with hashes of all that pyproject.toml asks for (and its dev group), for every system and'; \
	  echo '# Python >= 3.12. Made by `make lock`; `make lock ARGS=--upgrade` takes newer versions. Not to be edited by hand.'; \
	  grep -v '^#' $$new; } > $$new.2; \
	mv $$new.2 requirements.lock; rm -f $$new; tell "riskmodel: requirements.lock written; the next make installs it"
