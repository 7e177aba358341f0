#!/bin/sh
# Grant a participant the Kafka rights that the lessons need, for names that begin with the participant's prefix.
# Usage: acls.sh [--remove] USER PREFIX [OPTION ...]    the options are passed to kafka-acls, which must be on the PATH:
#   acls.sh alice alice- --bootstrap-server kafka.example.org:9093 --command-config admin.properties
# The script can be repeated. --remove revokes the rights. For a class, call it in a loop, once per participant.
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

give() { # arguments: the resource type, the operations as one word, then the options of kafka-acls
  kind=$1
  operations=
  for operation in $2; do operations="$operations --operation $operation"; done
  shift 2
  [ "$how" = --add ] || set -- --force "$@"
  # shellcheck disable=SC2086 # several words
  "${KAFKA_ACLS:-kafka-acls}" "$how" --allow-principal "User:$user" $operations \
    --resource-pattern-type prefixed "$kind" "$prefix" "$@"
}

give --topic "Create Delete Describe Read Write Alter DescribeConfigs AlterConfigs" "$@"
give --group "Read Describe Delete DescribeConfigs AlterConfigs" "$@"
give --transactional-id "Describe Write" "$@"
