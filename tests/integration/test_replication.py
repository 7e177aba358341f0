"""Replication on real brokers: a leader that was elected although it was not in sync."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaProducer
from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.kafka.replicas import leader_of, partitions
from workshop.lessons.replication.trial import _lead_without
from workshop.notebook.connection import Connection


def test_all_that_an_unclean_leader_has_can_be_read_when_enough_replicas_are_in_sync_again(ws: Connection):
    """The broker is killed before it has stored how many records are committed, which it does every five seconds."""
    topic = ws.fresh_topic("unclean", partitions=1, copies=2, min_insync_replicas="2")
    leader, follower = partitions(ws, topic)[0]["replica_nodes"]
    with ws.brokers.restored_afterwards():
        with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
            for number in range(5):
                producer.send(topic, b"%d" % number).get(timeout=60)
        ws.brokers.kill(follower)
        wait_until(lambda: partitions(ws, topic)[0]["isr_nodes"] == [leader], 60, "the dead follower to be noticed")
        ws.brokers.kill(leader)
        ws.brokers.start(follower)
        _lead_without(ws, topic, leader)
        wait_until(lambda: leader_of(ws, topic) == follower, 60, "all brokers to know the leader")
        ws.brokers.start(leader)
        assert [record.value for record in consume.read_all(ws, topic)] == [b"0", b"1", b"2", b"3", b"4"]
