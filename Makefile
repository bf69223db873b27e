# Mystic: `make` lists what it can do.
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 $(wildcard $(HOME)/.pyenv/versions/3.1[234].*/bin/python3); do \
	$$p -c 'import sys, venv, ensurepip; raise SystemExit(not (3, 12) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin
UV := 0.13.8
INSTALL = if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install -q --python $(BIN)/python --require-hashes --no-deps -r $(1); \
	else $(BIN)/python -m pip install -q --require-hashes --no-deps -r $(1); fi
FULL_DATABASE_URL ?= postgres://postgres@127.0.0.1:5432/postgres
FULL_REDIS_URL ?= redis://127.0.0.1:6379/5
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest -q
PARALLEL = -m "not browser" -n $(WORKERS) --maxprocesses 4 --dist worksteal

.PHONY: help run test test-full check bench replay screenshots lock vendor

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/.run: requirements.txt
	@test -n "$(PYTHON)" || { echo "Mystic needs Python 3.12, 3.13 or 3.14 with venv; install it (on Debian also python3-venv) or name it: make run PYTHON=/path/to/python3.13"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check "uv==$(UV)" || echo "uv is not to be had here: pip does the same, slower"
	@$(call INSTALL,requirements.txt)
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	@$(call INSTALL,requirements-dev.txt)
	@touch $@

run: .venv/.run  ## start the platform: http://127.0.0.1:8000/
	@$(BIN)/python manage.py run

test: .venv/.dev  ## run the tests on SQLite, no service needed
	@$(PYTEST) $(PARALLEL)
	@if command -v chromium >/dev/null; then $(PYTEST) -m browser; else echo "no chromium: the browser tests did not run"; fi

test-full: .venv/.dev  ## run those that touch a service on PostgreSQL and Redis
	@DATABASE_URL="$(FULL_DATABASE_URL)" REDIS_URL="$(FULL_REDIS_URL)" $(PYTEST) $(PARALLEL)

check: .venv/.dev  ## lint, types, layering, migrations, templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/lint-imports --no-logo >/tmp/mystic-imports.$$$$ 2>&1 || { cat /tmp/mystic-imports.$$$$; rm -f /tmp/mystic-imports.$$$$; exit 1; }; rm -f /tmp/mystic-imports.$$$$
	@$(BIN)/mypy .
	@$(BIN)/python manage.py check --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/djlint templates --lint --quiet

bench: .venv/.dev  ## measure the goals, write benchmarks/results.json
	@$(BIN)/python benchmarks/run.py

.venv/.replay: .venv/.run requirements-replay.txt
	@$(call INSTALL,requirements-replay.txt)
	@touch $@

replay: $(if $(FILE),.venv/.run,.venv/.replay)  ## replay recorded market data: make replay FILE=day.csv.gz
	@$(BIN)/python manage.py practice $(FILE) $(if $(SPEED),--speed $(SPEED)) $(if $(SYMBOL),--symbol $(SYMBOL))

screenshots: .venv/.dev  ## write pictures of the pages to var/screenshots
	@$(PYTEST) -m browser --screenshot-dir var/screenshots

lock: .venv/.run  ## resolve the requirements anew
	@$(BIN)/uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-header --no-annotate --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-header --no-annotate --group replay -c requirements.txt -o requirements-replay.txt

ICONS := layout-dashboard chart-candlestick radio bot wallet list-ordered bell activity settings sun moon log-out user menu x plus trash-2 check info triangle-alert circle-alert search arrow-up-right refresh-cw key-round mail send shield-check shield-alert clock power ban copy external-link history book-open plug layers eye
CHARTS := lightweight-charts 5.2.1
LUCIDE := lucide-static 1.62.0

vendor:  ## fetch the chart library and the icons that are committed below static/
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; at() { echo "$$1@$$2"; }; \
	(cd "$$tmp" && npm pack --silent $$(at $(CHARTS)) $$(at $(LUCIDE)) >/dev/null && mkdir charts lucide && tar xzf lightweight-charts-*.tgz -C charts && tar xzf lucide-static-*.tgz -C lucide); \
	cp "$$tmp/charts/package/dist/lightweight-charts.standalone.production.mjs" "$$tmp/charts/package/LICENSE" static/vendor/lightweight-charts/; \
	cp "$$tmp/lucide/package/LICENSE" static/icons/LICENSE; \
	{ echo '<svg xmlns="http://www.w3.org/2000/svg">'; for icon in $(ICONS); do \
	  printf '<symbol id="%s" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">' $$icon; \
	  tr '\n' ' ' < "$$tmp/lucide/package/icons/$$icon.svg" | sed -E 's/.*<svg[^>]*>(.*)<\/svg>.*/\1/; s/ +/ /g; s/^ | $$//g' | tr -d '\n'; echo '</symbol>'; done; echo '</svg>'; } > static/icons/sprite.svg; \
	sum() { sha256sum "static/$$1" | cut -d' ' -f1; }; \
	{ echo '# name version licence sha256 file'; \
	  f=vendor/lightweight-charts/lightweight-charts.standalone.production.mjs; echo "$(CHARTS) Apache-2.0 $$(sum $$f) $$f"; \
	  f=icons/sprite.svg; echo "$(LUCIDE) ISC $$(sum $$f) $$f"; } > static/vendor/VERSIONS
