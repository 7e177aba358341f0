#!/bin/bash
# Build step of the image: formats a log folder to get the bootstrap checkpoint of every log folder, and runs a broker briefly
# to record the ahead-of-time cache of its start (JEP 514).
set -eu
cd /opt/kafka
printf '%s:' /opt/kafka/libs/*.jar | sed 's/:$//' >classpath
cat broker.properties - >/tmp/training.properties <<END
node.id=1
controller.quorum.voters=1@127.0.0.1:19093
listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093
log.dirs=/tmp/training
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
END
# shellcheck disable=SC2086 # several words
java=(/opt/java/bin/java $JAVA_FLAGS)
"${java[@]}" -cp "$(cat classpath)" kafka.tools.StorageTool format -t trainingtrainingtrain1 -c /tmp/training.properties
cp /tmp/training/bootstrap.checkpoint .
"${java[@]}" -XX:AOTCacheOutput=/opt/kafka/broker.aot -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties \
  -cp "$(cat classpath)" kafka.Kafka /tmp/training.properties >/tmp/training.log 2>&1 &
broker=$!
for _ in $(seq 600); do
  (: </dev/tcp/127.0.0.1/19092) 2>/dev/null && break
  kill -0 "$broker" 2>/dev/null || { cat /tmp/training.log; exit 1; }
  sleep 0.1
done
sleep 1
kill "$broker"
wait "$broker" || true
ls -l broker.aot bootstrap.checkpoint
rm -rf /tmp/training*
