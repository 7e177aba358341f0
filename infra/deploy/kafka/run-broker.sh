#!/bin/bash
# Process 1 of a broker's container. The broker is its child, because process 1 ignores signals from inside its container. The
# broker can therefore be killed, frozen, and kept stopped (the file `away`) while the container runs.
# A broker that exits for another reason ends the container, which Kubernetes then restarts.
set -u
node=${HOSTNAME##*-}
data=/var/lib/kafka/data
run=/run/kafka
rm -f "$run"/*

if [ ! -e "$data/meta.properties" ]; then # as `kafka-storage format`, without a start of Java
  mkdir -p "$data"
  cp /opt/kafka/bootstrap.checkpoint "$data/"
  until id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =) && [ "${id#-}" = "$id" ]; do :; done
  printf 'version=1\ncluster.id=%s\nnode.id=%s\ndirectory.id=%s\n' "$CLUSTER_ID" "$node" "$id" >"$data/.meta"
  mv "$data/.meta" "$data/meta.properties"
fi

leave() {
  touch "$run/leaving"
  kill -CONT "$broker" && kill -TERM "$broker"
} 2>/dev/null
trap leave TERM INT

# The zone is only available in the pod. Addresses of restarted pods change, so DNS answers are cached for 2 s only.
{ cat "/etc/kafka/node-$node.properties" && echo "broker.rack=${ZONE:-zone-$node}"; } >"$run/server.properties"
fresh_names="-Dsun.net.inetaddr.ttl=2 -Dsun.net.inetaddr.negative.ttl=0"

while [ ! -e "$run/leaving" ]; do
  if [ -e "$run/away" ]; then
    sleep 0.1
    continue
  fi
  # shellcheck disable=SC2086 # several words
  /opt/java/bin/java $JAVA_FLAGS -XX:AOTCache=/opt/kafka/broker.aot -Djava.io.tmpdir=/tmp $fresh_names \
    -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties -cp "$(cat /opt/kafka/classpath)" \
    kafka.Kafka "$run/server.properties" &
  broker=$!
  echo "$broker" >"$run/pid"
  wait "$broker"
  code=$?
  while kill -0 "$broker" 2>/dev/null; do # a signal interrupts `wait` before the broker has ended
    wait "$broker"
    code=$?
  done
  rm -f "$run/pid"
  [ -e "$run/leaving" ] || [ -e "$run/away" ] || exit "$code"
done
