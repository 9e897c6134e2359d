#!/usr/bin/env bash
# build-binaries.sh FOLDER: builds the programs of the images and copies them to
# FOLDER, without line tables. Function names are kept for backtraces.
set -euo pipefail
out=$1
programs=(scheduler executor submit-job ingest-landing produce-events)
profile=${CARGO_PROFILE:-release}

cargo build --locked --profile "$profile" "${programs[@]/#/--bin=}"

built=${CARGO_TARGET_DIR:-target}/$profile
[ "$profile" != dev ] || built=${CARGO_TARGET_DIR:-target}/debug
mkdir -p "$out"
for program in "${programs[@]}"; do
  strip --strip-debug -o "$out/$program" "$built/$program"
done
