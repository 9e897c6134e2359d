# What people do here; `just` lists it. CI runs `.ci/run`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes.
default:
    @just --list

# The main job in process, on sample data that it makes.
quickstart:
    cargo run --bin quickstart

# All tests, as the README has it.
test *args:
    cargo test --workspace {{args}}

# Format, lint, licences, tests: what CI checks.
ci:
    .ci/run

# Format everything.
fmt:
    cargo fmt --all

# Lints with warnings denied.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# A cluster by hand: a scheduler and two one-core executors, until Ctrl-C.
cluster:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --bins
    bin="${CARGO_TARGET_DIR:-target}/debug"
    trap 'kill 0' EXIT
    "$bin/scheduler" --bind 127.0.0.1:50050 --http 127.0.0.1:8080 --state-dir data/state &
    for n in 1 2; do
        "$bin/executor" --scheduler 127.0.0.1:50050 --vcores 1 --work-dir "data/executor-$n" &
    done
    wait

# The whole stack in Docker, with the binaries of `cargo build --release`.
stack *args:
    deploy/docker/prebuilt.sh "${CARGO_TARGET_DIR:-target}/release"
    SLUICE_BINARIES=prebuilt docker compose up -d --build {{args}}

# Tests the stack in Docker with debug binaries.
test-stack:
    cargo build
    tests/docker/run "${CARGO_TARGET_DIR:-target}/debug"

# The main benchmark beside DuckDB; see benches/README.md.
bench *args:
    cargo run --release -p sluice-benches --bin landing-to-gold -- {{args}}

# Ingest is killed at random, so often with a mock broker and a tenth as often with Apache Kafka; nothing may be lost or repeated.
chaos-landing kills="500":
    SLUICE_CHAOS_KILLS={{kills}} cargo test -p sluice-ingest --test it -- --nocapture chaos
