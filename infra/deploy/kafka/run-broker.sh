#!/bin/bash
# Process 1 of a broker's container. The broker is its child, because process 1 ignores signals from within its own container:
# so the broker can be killed and frozen, and kept away (the file `away`) while its container stays.
# A broker that ends by itself ends the container too: then it is for Kubernetes to start it again.
set -u
node=${HOSTNAME##*-}
data=/var/lib/kafka/data
run=/run/kafka
rm -f "$run"/*

if [ ! -e "$data/meta.properties" ]; then # what `kafka-storage format` does, without a Java start
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

# In which zone a node lies is known when the pod is there; addresses change when a pod comes back, so names are not kept long.
{ cat "/etc/kafka/node-$node.properties" && echo "broker.rack=${ZONE:-zone-$node}"; } >"$run/server.properties"
fresh_names="-Dsun.net.inetaddr.ttl=2 -Dsun.net.inetaddr.negative.ttl=0"

while [ ! -e "$run/leaving" ]; do
  if [ -e "$run/away" ]; then
    sleep 0.1
    continue
  fi
  # shellcheck disable=SC2086 # the flags are words
  /opt/java/bin/java $JAVA_FLAGS -XX:AOTCache=/opt/kafka/broker.aot -Djava.io.tmpdir=/tmp $fresh_names \
    -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties -cp "$(cat /opt/kafka/classpath)" \
    kafka.Kafka "$run/server.properties" &
  broker=$!
  echo "$broker" >"$run/pid"
  wait "$broker"
  code=$?
  while kill -0 "$broker" 2>/dev/null; do # a signal ends `wait` before the broker has ended
    wait "$broker"
    code=$?
  done
  rm -f "$run/pid"
  [ -e "$run/leaving" ] || [ -e "$run/away" ] || exit "$code"
done
