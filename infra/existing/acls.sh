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

acls() {
  ${KAFKA_ACLS:-kafka-acls} "$@"
}
give() { # operations, then the kind of resource
  kind=$1
  shift
  operations=
  for operation in "$@"; do operations="$operations --operation $operation"; done
  force=
  [ "$how" = --add ] || force=--force
  # shellcheck disable=SC2086 # each operation is a word
  acls "$how" $force --allow-principal "User:$user" $operations --resource-pattern-type prefixed "$kind" "$prefix" $options
}
options=
for option in "$@"; do
  case "$option" in *[[:space:]]*)
    echo "The option '$option' has a space in it, which this script does not pass on." >&2
    exit 2
    ;;
  esac
  options="$options $option"
done

give --topic Create Delete Describe Read Write Alter DescribeConfigs AlterConfigs
give --group Read Describe Delete DescribeConfigs AlterConfigs
give --transactional-id Describe Write
