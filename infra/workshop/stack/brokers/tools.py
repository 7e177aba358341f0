"""Kafka's command-line tools, as scripts that connect to the workshop's brokers by default."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.stack.brokers.runtime import Runtime

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
# These run until their user interrupts them; the others end by themselves.
STREAMS = tuple(name for name in CLASSES if "console" in name or "perf" in name)

SCRIPT = """#!/bin/sh
# Kafka's own {name}.{remark}
unset JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH
export LC_ALL=C.UTF-8
{brokers}{access}{run}"""
STREAM = """exec {command} "$@"
"""
# Java's stack traces are removed: the line before them has the error.
ONCE = """exec 3>&1
said=$({command} "$@" 2>&1 >&3 3>&-)
code=$?
{again}[ -z "$said" ] || printf '%s\\n' "$said" |
  sed -e '/^[[:space:]]at /d' -e '/^Caused by: /d' -e '/^[[:space:]]... [0-9]* more$/d' -e '/^$/d' >&2
exit $code
"""
# A notebook's cell may run twice: deleting a setting that is no longer set counts as success.
AGAIN = """asked='' previous=''
for word; do
  [ "$previous" != --delete-config ] || asked=$word
  previous=$word
done
case " $* " in *" --add-config"*) asked='' ;; esac
if [ -n "$asked" ] && [ "$said" = "Invalid config(s): $asked" ]; then
  said="$asked was not set: there was nothing to delete."
  code=0
fi
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
PERFORMANCE_MEMORY = ("-Xmx256m",)  # the last flag counts


def write_commands(settings: Settings, runtime: Runtime, bootstrap: Sequence[str], access: Path | None = None) -> None:
    """Write one small script per tool into `settings.commands`, for these brokers.

    Args:
        access: a properties file with the client's credentials, if the brokers require them.
    """
    quiet = replace(runtime, log_settings=settings.root / "infra/deploy/kafka/tools-log4j2.properties")
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
            run=STREAM.format(command=command) if name in STREAMS else _once(name, command),
        )
        write_atomically(settings.commands / name, text, mode=0o755)


def _once(name: str, command: str) -> str:
    return ONCE.format(command=command, again=AGAIN if name == "kafka-configs" else "")


def _access(name: str, file: Path | None) -> str:
    if file is None:
        return ""
    return ACCESS.format(option=OTHER_ACCESS_OPTIONS.get(name, ACCESS_OPTION), file=shlex.quote(str(file)))
