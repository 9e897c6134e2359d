#!/usr/bin/env bash
# Prepares images from existing binaries, which takes a minute:
#
#   deploy/docker/prebuilt.sh                    # uses target/release
#   deploy/docker/prebuilt.sh target/debug
#   SLUICE_BINARIES=prebuilt docker compose up -d --build
#
# The binaries must match the images: Linux, the same processor, linked against
# glibc 2.36 (Debian 12) or older.
set -euo pipefail
from=$(cd "${1:-target/release}" && pwd)
to=$(cd "$(dirname "$0")" && pwd)/prebuilt
mkdir -p "$to"
for program in scheduler executor submit-job ingest-landing produce-events; do
  # The copy of an unchanged program is kept, so that image layers are reused.
  [ "$to/$program" -nt "$from/$program" ] && continue
  strip --strip-debug -o "$to/$program.new" "$from/$program" 2>/dev/null ||
    cp "$from/$program" "$to/$program.new"
  mv "$to/$program.new" "$to/$program"
done
ls -l "$to"
