# The two commands are `make run` and `make test`. Python 3.11 or newer and a network are all they need.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
UV_VERSION := 0.13.9
PYTHONS := python3 python3.13 python3.12 python3.11 /usr/bin/python3
# Interpreters come from the machine, never from a download.
UV := UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv
# Where the system keeps certificates of its own (a company's, say), they count.
UV += $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
INSTALL := $(UV) pip install --quiet --python $(VENV)/bin/python
CATALOGUES := newsletter/translations
POT := $(CATALOGUES)/messages.pot
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

# A virtual environment can't be moved: one that came along with a copied checkout is made anew.
ifneq ($(shell cat $(VENV)/made-in 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/made-in
endif

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: $(VENV)/demo ## Start the whole service here, with data to look at; Ctrl-C ends it
	@exec $(VENV)/bin/python -m newsletter.demo

.PHONY: test
test: $(VENV)/dev ## Run every test; ARGS="tests/optin -k twice" runs some
	@CHROMIUM="$$(tests/chromium.sh)" && export CHROMIUM && exec $(VENV)/bin/python -m pytest $(or $(ARGS),-n auto --maxprocesses 4 --dist worksteal)

.PHONY: bench
bench: $(VENV)/dev $(VENV)/production/ready ## Measure against others, side by side; BENCH="sending" ARGS="--recipients 20000" a part
	@exec $(VENV)/bin/python -m bench $(BENCH) $(ARGS)

.PHONY: check
check: $(VENV)/dev ## Check style, types and the import rules
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

.PHONY: chaos
chaos: $(VENV)/dev ## Kill, stop and cut off everything in the middle of sending, ten minutes long; ARGS="kills --kills 20" plays some
	@exec $(VENV)/bin/python -m tests.chaos $(ARGS)

.PHONY: canaries
canaries: $(VENV)/dev ## Send a thousand invented people through whole lives, and look for them in every store; ARGS="--lives 100"
	@exec $(VENV)/bin/python -m tests.canaries $(ARGS)

.PHONY: translations
translations: $(VENV)/dev ## Take new texts into the German catalogue; translate them in messages.po, then run it again
	@$(VENV)/bin/pybabel -q extract --no-wrap --mapping-file pyproject.toml --sort-by-file --add-location file \
	  --ignore-dirs '.* var' --output-file $(POT) .
	@$(VENV)/bin/pybabel -q update --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
	  --input-file $(POT) --output-dir $(CATALOGUES) --locale de
	@rm $(POT)
	@$(VENV)/bin/pybabel compile --statistics --directory $(CATALOGUES)

.PHONY: lock
lock: $(VENV)/made-in ## Write requirements*.txt from pyproject.toml; ARGS=--upgrade takes newer versions
	@$(COMPILE) $(ARGS) pyproject.toml -o requirements.txt
	@$(COMPILE) $(ARGS) pyproject.toml --extra demo -o requirements-demo.txt
	@$(COMPILE) $(ARGS) pyproject.toml --extra dev -o requirements-dev.txt

.PHONY: clean
clean: ## Remove the environment and what tools left behind; the demonstration's data in var/ stay
	@rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find newsletter tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/made-in:
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "This needs Python 3.11 or newer, and found none ($(PYTHONS)). Please install one." >&2; exit 2; fi; \
	echo "Making $(VENV)" >&2; rm -rf $(VENV); \
	if ! $$python -m venv $(VENV); then \
	  rm -rf $(VENV); echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; fi
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@pwd > $@

$(VENV)/demo: $(VENV)/made-in requirements-demo.txt pyproject.toml
	@echo "Installing packages" >&2
	@$(INSTALL) --require-hashes -r requirements-demo.txt
	@$(INSTALL) --no-deps -e .
	@touch $@

# What a platform installs and nothing else: tools for tests would count as memory of the service. And its kind of Python:
# platforms and distributions build theirs with profile-guided optimization, whoever builds one at home often does not.
PLATFORM_PYTHON ?= $(firstword $(wildcard /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11) $(VENV)/bin/python)
$(VENV)/production/ready: $(VENV)/made-in requirements.txt
	@echo "Installing packages, as a platform does" >&2
	@$(UV) venv --quiet --clear --python $(PLATFORM_PYTHON) $(VENV)/production
	@$(UV) pip install --quiet --python $(VENV)/production/bin/python --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev: $(VENV)/made-in requirements-dev.txt pyproject.toml
	@echo "Installing packages, with those for tests" >&2
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@$(INSTALL) --no-deps -e .
	@touch $@
