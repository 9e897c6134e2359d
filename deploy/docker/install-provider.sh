#!/usr/bin/env bash
# install-provider.sh FOLDER VERSION: installs the Airflow provider, if the
# checkout has it, and keeps Airflow itself at VERSION.
set -euo pipefail
if [ ! -f "$1/pyproject.toml" ]; then
  echo "no provider in $1: Airflow has only the command line programs"
  exit 0
fi
pip install --no-cache-dir "apache-airflow==$2" "$1"
