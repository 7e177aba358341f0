"""Kafka's own command-line tools, as commands that know the workshop's brokers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workshop.broker.runtime import Runtime
from workshop.files import write_atomically
from workshop.settings import Settings

CLASSES = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-cluster": "org.apache.kafka.tools.ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-share-consumer": "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "kafka-features": "org.apache.kafka.tools.FeatureCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
WITHOUT_BROKERS = ("kafka-dump-log", "kafka-storage")

SCRIPT = """#!/bin/sh
# Kafka's own {name}.{remark}
unset JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH
export LC_ALL=C.UTF-8
{brokers}{access}{repeatable}exec {command} "$@"
"""
# To delete a setting that is not set is an error for Kafka's tool. A cell may be run twice, and its first answer may be lost.
REPEATABLE = """deleting() {{
  said=$({command} "$@" 2>&1)
  code=$?
  case "$code $said" in
    "0 "*) [ -z "$said" ] || printf '%s\\n' "$said" ;;
    *"Invalid config(s): "*)
      printf 'Nothing to delete: %s is not set there.\\n' "${{said##*"Invalid config(s): "}}"
      code=0
      ;;
    *) printf '%s\\n' "$said" >&2 ;;
  esac
  exit "$code"
}}
case " $* " in
  *" --delete-config"*) deleting "$@" ;;
esac
"""
BROKERS = """case " $* " in
  *" --bootstrap-server"* | *" --bootstrap-controller"* | *" --help "* | *" --version "*) ;;
  *) set -- "$@" --bootstrap-server {addresses} ;;
esac
"""
ACCESS = """case " $* " in
  *" {option}"* | *" --help "* | *" --version "*) ;;
  *) set -- "$@" {option} {file} ;;
esac
"""
ACCESS_OPTION = "--command-config"
OTHER_ACCESS_OPTIONS = {"kafka-cluster": "--config"}
REMARK = " Without --bootstrap-server it asks the workshop's brokers."
PERFORMANCE_MEMORY = ("-Xmx256m",)  # the later flag counts


def write_commands(settings: Settings, runtime: Runtime, bootstrap: Sequence[str], access: Path | None = None) -> None:
    """Write one small script a tool into `settings.commands`, for these brokers.

    Args:
        access: a properties file that says who asks, where brokers want to know it.
    """
    quiet = replace(runtime, log_settings=settings.root / "infra/kafka/tools-log4j2.properties")
    scratch = settings.state / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    brokers = BROKERS.format(addresses=",".join(bootstrap))
    for name, main in CLASSES.items():
        flags = PERFORMANCE_MEMORY if name.endswith("perf-test") else ()
        command = shlex.join(quiet.command(main, flags=flags, scratch=scratch))
        alone = name in WITHOUT_BROKERS
        text = SCRIPT.format(
            name=name,
            remark="" if alone else REMARK,
            brokers="" if alone else brokers,
            access="" if alone else _access(name, access),
            repeatable=REPEATABLE.format(command=command) if name == "kafka-configs" else "",
            command=command,
        )
        write_atomically(settings.commands / name, text, mode=0o755)


def _access(name: str, file: Path | None) -> str:
    if file is None:
        return ""
    return ACCESS.format(option=OTHER_ACCESS_OPTIONS.get(name, ACCESS_OPTION), file=shlex.quote(str(file)))
