#!/bin/sh
# Gives one participant of the workshop exactly what the lessons need of Kafka, for names that begin with the participant's prefix.
# Usage: acls.sh USER PREFIX [OPTION ...]    the options go to Kafka's own kafka-acls, which is looked for on the PATH:
#   acls.sh alice alice- --bootstrap-server kafka.example.org:9093 --command-config admin.properties
# Run again, it changes nothing. --remove as the first word takes it back. For a class: one line a participant in a loop.
set -eu
how=--add
if [ "${1:-}" = --remove ]; then
  how=--remove
  shift
fi
[ $# -ge 2 ] || {
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
}
user=$1 prefix=$2
shift 2
case "$prefix" in *[.-]) ;; *)
  echo "The prefix '$prefix' should end with '-' or '.': otherwise one participant's may begin another's name." >&2
  exit 2
  ;;
esac

give() { # the kind of resource, the operations in one word, then what is passed on to kafka-acls
  kind=$1
  operations=
  for operation in $2; do operations="$operations --operation $operation"; done
  shift 2
  [ "$how" = --add ] || set -- --force "$@"
  # shellcheck disable=SC2086 # each operation is a word
  "${KAFKA_ACLS:-kafka-acls}" "$how" --allow-principal "User:$user" $operations \
    --resource-pattern-type prefixed "$kind" "$prefix" "$@"
}

give --topic "Create Delete Describe Read Write Alter DescribeConfigs AlterConfigs" "$@"
give --group "Read Describe Delete DescribeConfigs AlterConfigs" "$@"
give --transactional-id "Describe Write" "$@"
