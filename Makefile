# Few targets; `make` alone lists them.

export CGO_ENABLED ?= 0
TOOLS := $(CURDIR)/.tools
export MAILMESH_TOOLS := $(TOOLS)

.PHONY: help run build test lint fuzz stories screenshots cluster mutations bench docs setup

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

run: build ## start a demo server on this machine: two accounts, sample messages, unprivileged ports
	./mailmesh serve --demo

build: ## build the one binary, ./mailmesh
	test/run build

test: ## install what the tests need and run all of them, each stage with its time
	test/run

lint: ## gofmt, vet, staticcheck
	test/run lint

fuzz: ## run every fuzz target for a while: make fuzz FUZZTIME=1m
	test/run fuzz

stories: ## play what people do with the web client in Chromium: make stories STORIES='-g typing'
	test/run browser

screenshots: ## make docs/screenshots again
	SCREENSHOTS=1 STORIES=screenshots test/run browser

cluster: ## play the faults of a cluster: make cluster ROUNDS=20
	test/run cluster

mutations: ## break the code as docs/promises.md says: the tests named there must notice (a quarter of an hour)
	go test -tags mutations -count=1 -timeout 2h -parallel 2 ./test/mutations

bench: build ## measure it beside Postfix and Dovecot on two cores; results go to bench/results/ and docs/performance.md
	test/run bench

docs: ## make the generated pages again
	UPDATE=1 go test -count=1 -run 'TestReferenceIsCurrent' ./internal/config

setup: ## install the tools the tests use
	test/setup
