#!/bin/sh
# Runs once at every start of the stack, as root, before the other services:
# creates the data folders, makes the user of the containers their owner, and
# generates missing secrets. Existing secrets are not changed.
set -eu
: "${SLUICE_UID:?}"
umask 022

for folder in /opt/data /opt/data/landing /opt/data/gold; do
  mkdir -p "$folder"
  if [ "$(stat -c %u "$folder")" != "$SLUICE_UID" ]; then
    echo "$folder: now owned by $SLUICE_UID:0"
    chown -R "$SLUICE_UID:0" "$folder"
  fi
  chmod 2775 "$folder"
done

# 256 random bits, as URL-safe Base64.
random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }

# keep NAME VALUE: a file appears whole or not at all.
keep() {
  [ -s "/secrets/$1" ] && return
  printf '%s' "$2" >"/secrets/$1.new"
  chmod 444 "/secrets/$1.new"
  mv "/secrets/$1.new" "/secrets/$1"
  echo "generated the secret $1"
}

keep postgres-password "$(random | tr -d =)"
keep airflow-fernet-key "$(random)"
keep airflow-api-key "$(random)"
keep airflow-jwt-secret "$(random)"
keep airflow-password "$(random | cut -c 1-20)"
keep grafana-password "$(random | cut -c 1-20)"

# Airflow locks this file, so it needs write permission.
if [ ! -s /secrets/airflow-users.json ]; then
  printf '{"admin": "%s"}\n' "$(cat /secrets/airflow-password)" >/secrets/airflow-users.json
fi
chown "$SLUICE_UID:0" /secrets/airflow-users.json
chmod 600 /secrets/airflow-users.json
