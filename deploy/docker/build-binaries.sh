#!/usr/bin/env bash
# Builds the program of the images and leaves it in the folder named first,
# without symbols: they are a third of its size. A panic still names its file and
# line.
set -euo pipefail
out=$1
profile=${CARGO_PROFILE:-release}

cargo build --locked --profile "$profile" --bin=sluice

built=${CARGO_TARGET_DIR:-target}/$profile
[ "$profile" != dev ] || built=${CARGO_TARGET_DIR:-target}/debug
mkdir -p "$out"
strip -o "$out/sluice" "$built/sluice"
