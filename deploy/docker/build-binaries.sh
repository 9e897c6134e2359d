#!/usr/bin/env bash
# Builds the programs of the images and leaves them in the folder named first,
# without line tables: names of functions stay for backtraces.
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
