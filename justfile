# Common commands; `just` lists them. CI runs `.ci/run`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes.
default:
    @just --list

# Run the main job on sample data, in one process.
quickstart:
    cargo run --bin quickstart

# Run all tests, as in the README.
test *args:
    cargo test --workspace {{args}}

# Check format, lints, documentation and structure; run it before you commit.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --quiet
    cargo test --test it tidy

# Build the documentation, private items included.
doc *args:
    cargo doc --workspace --no-deps --document-private-items {{args}}

# Print how many function names are one word, by crate, and which private words the prose has.
names:
    cargo test --test it names:: -- --nocapture --test-threads 1

# Check the Airflow provider and all other Python, with the programs of `cargo build`.
airflow:
    cargo build
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}" .ci/airflow

# Rewrite the tables of options in docs/configuration.md and of metrics in docs/metrics.md, and docs/openapi.json.
docs:
    SLUICE_UPDATE_DOCS=1 cargo test -p sluice-scheduler -p sluice-executor the_reference_page_is_up_to_date

# Run what CI runs: format, lints, licences, tests.
ci:
    .ci/run

# Format everything.
fmt:
    cargo fmt --all

# Run the lints; warnings are errors.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Run a cluster: a scheduler and two one-core executors, until Ctrl-C.
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

# Start the stack in Docker, with the binaries of `cargo build --release`.
stack *args:
    deploy/docker/prebuilt.sh "${CARGO_TARGET_DIR:-target}/release"
    SLUICE_BINARIES=prebuilt docker compose up -d --build {{args}}

# Test the stack in Docker with debug binaries.
test-stack:
    cargo build
    tests/docker/run "${CARGO_TARGET_DIR:-target}/debug"

# Run the main benchmark and DuckDB in turn; see benches/README.md.
bench *args:
    cargo run --release -p sluice-benches --bin landing-to-gold -- {{args}}

# Kill ingest at random this many times with a mock broker, and a tenth as often with Apache Kafka; checks that no record is lost or duplicated.
chaos-landing kills="500":
    SLUICE_CHAOS_KILLS={{kills}} cargo test -p sluice-ingest --test it -- --nocapture chaos

# Kill this many executors, each after another stage of a job, and compare gold with DuckDB.
chaos-executors kills="60":
    SLUICE_CHAOS_EXECUTORS={{kills}} cargo test --test it -- --nocapture an_executor_may_be_killed

# Kill this many runs of streaming tables at random, and ingest, scheduler and executors in ten windows of a broker; checks that no line is lost or duplicated and that a reader of cuts never sees tables of two runs.
chaos-pipeline kills="200":
    SLUICE_CHAOS_RUNS={{kills}} cargo test --test it -- --nocapture increments::chaos increments::windows

# Run producers, ingest and jobs for some minutes while processes are killed, and check books and leaks; see tests/soak.
soak minutes="60":
    cargo build --bins
    python3 tests/soak/soak.py --binaries "${CARGO_TARGET_DIR:-target}/debug" --minutes {{minutes}}

# Run random queries on local, clusters and DuckDB; prints figures and the differences, made smaller.
fuzz-sql queries="100000" seed=`date +%s`:
    SLUICE_FUZZ_TARGETS=all SLUICE_FUZZ_QUERIES={{queries}} SLUICE_FUZZ_SEED={{seed}} cargo test --release --test it -- --nocapture generated_queries

# Time TPC-H and TPC-DS next to DuckDB and check the rows; needs SLUICE_DUCKDB_PYTHON.
tpc scale="1" *args:
    cargo build --release --bins
    "${SLUICE_DUCKDB_PYTHON:-python3}" tests/tpc/tpc.py --binaries "${CARGO_TARGET_DIR:-target}/release" \
        --tpch-scale {{scale}} --tpcds-scale {{scale}} --table target/tpc-{{scale}}.md {{args}}
