#!/usr/bin/env bash
# Creates the topics of topics.conf, and updates the settings of those that exist.
# A topic with another number of partitions is not changed, and a warning is
# printed: with more partitions, a key's later events would go to another one.
set -euo pipefail
server=${KAFKA_BOOTSTRAP_SERVERS:?}
file=${1:-/etc/sluice/topics.conf}
bin=/opt/kafka/bin

create() { # topic, partitions, settings
  local topic=$1 partitions=$2 options=() setting
  shift 2
  for setting; do options+=(--config "$setting"); done
  "$bin/kafka-topics.sh" --bootstrap-server "$server" --create --if-not-exists --topic "$topic" \
    --partitions "$partitions" --replication-factor "${REPLICATION_FACTOR:-1}" "${options[@]}"
}

align() { # topic, settings that differ
  local topic=$1 IFS=,
  shift
  "$bin/kafka-configs.sh" --bootstrap-server "$server" --alter --entity-type topics \
    --entity-name "$topic" --add-config "$*"
}

# One line for each topic, its fields between tabs; the first call also waits
# until the broker answers.
declare -A partitions_of settings_of
while IFS=$'\t' read -r topic _ partitions _ settings; do
  [[ $topic == "Topic: "* && $partitions == "PartitionCount: "* ]] || continue
  partitions_of[${topic#Topic: }]=${partitions#PartitionCount: }
  settings_of[${topic#Topic: }]=,${settings#Configs: },
done < <("$bin/kafka-topics.sh" --bootstrap-server "$server" --describe)

# Each tool starts its own JVM: in parallel they take half the time.
jobs=()
while read -r topic partitions settings; do
  [[ -z $topic || $topic == '#'* ]] && continue
  read -ra wanted <<<"$settings"
  if [[ -z ${partitions_of[$topic]:-} ]]; then
    create "$topic" "$partitions" "${wanted[@]}" & jobs+=($!)
    continue
  fi
  [[ ${partitions_of[$topic]} == "$partitions" ]] ||
    echo "warning: $topic has ${partitions_of[$topic]} partitions, not $partitions; it keeps them" >&2
  differ=()
  for setting in "${wanted[@]}"; do
    [[ ${settings_of[$topic]} == *",$setting,"* ]] || differ+=("$setting")
  done
  if ((${#differ[@]} == 0)); then
    echo "$topic is up to date"
  else
    align "$topic" "${differ[@]}" & jobs+=($!)
  fi
done <"$file"
for job in "${jobs[@]}"; do wait "$job"; done
