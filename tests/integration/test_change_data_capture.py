"""Change data capture with PostgreSQL and Kafka Connect with Debezium: changes of the monolith in the topics."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from workshop.base.errors import WorkshopError
from workshop.base.processes import Processes
from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.lessons.change_data_capture import bank as banks
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank, current
from workshop.notebook.connection import Connection


@pytest.fixture(scope="module")
def stopped_afterwards(lasting_ws: Connection) -> Iterator[Connection]:
    yield lasting_ws
    banks.ensure(lasting_ws).close()
    assert not {"postgres", "connect"} & set(Processes(lasting_ws.settings.state).running())


@pytest.fixture
def bank(stopped_afterwards: Connection) -> Bank:
    return banks.ensure(stopped_afterwards)


def test_what_was_there_and_every_change_reach_the_topic_in_order(bank: Bank) -> None:
    bank.follow("customers", "cards")
    bank.monolith("move", 3, "Genève")
    bank.monolith("close", 3)
    bank.monolith("open", 1)
    changes = bank.settled("customers")
    mine = [change for change in changes if change.key == {"id": 3}]
    assert [change.operation for change in mine] == ["read", "update", "delete", "tombstone"]
    assert (mine[1].before["city"], mine[1].after["city"]) == ("Lugano", "Genève")
    assert mine[2].before == mine[1].after
    assert [change.operation for change in changes if change.key == {"id": 8}] == ["insert"]
    assert "card-0003" not in {row["card"] for row in current(bank.settled("cards"))}  # deleted with its customer


def test_connect_killed_while_the_monolith_works_loses_nothing(bank: Bank) -> None:
    bank.follow("cards")
    work = bank.working("work", 120, 40)
    wait_until(lambda: len(bank.changes("cards")) > 30, 60, "the first changes to arrive")
    bank.worker.kill()
    said = work.communicate(timeout=60)[1]
    assert work.returncode == 0, said
    bank.start_connect()
    wanted = set(range(1_000_00, 1_000_00 + 120))
    seen = bank.settled("cards", timeout=120)
    assert wanted <= {change.after["limit_cents"] for change in seen if change.after}


def test_a_slot_stays_behind_until_it_is_dropped(bank: Bank) -> None:
    bank.follow("cards")
    bank.settled("cards")
    bank.unfollow()
    before = bank.slots()[0]
    bank.monolith("work", 50, 1_000)
    after = bank.slots()[0]
    assert (after["slot_name"], after["active"]) == (bank.database, False)
    assert after["bytes_held"] > before["bytes_held"]
    again = banks.ensure(bank.ws)  # as after a restart of an interrupted lesson
    assert again.slots() == []
    with pytest.raises(WorkshopError, match="does not exist"):
        bank.connect()


def test_a_table_without_a_key_has_changes_without_one(bank: Bank) -> None:
    with bank.connect() as database:
        database.execute("create table notes (word text)")
        database.execute("insert into notes values ('un'), ('deux')")
    bank.follow("notes")
    with bank.connect() as database:
        database.execute("update notes set word = 'trois' where word = 'deux'")
    wait_until(lambda: len(bank.changes("notes")) == 3, 60, "the update to arrive")
    assert {change.key for change in bank.changes("notes")} == {None}


def test_what_connect_refuses_is_told_with_its_reason(bank: Bank) -> None:
    with pytest.raises(WorkshopError, match="Kafka Connect refuses"):
        bank.follow("cards", **{"database.dbname": "nowhere"})


def test_the_password_is_asked_for_and_stands_in_no_connector(bank: Bank) -> None:
    bank.follow("cards")
    stored = bank.worker.ask("GET", f"/connectors/{bank.name}")
    assert bank.postgres.password not in str(stored)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=bank.postgres.port, user="bank", password="wrong", dbname=bank.database)  # noqa: S106


def test_a_mistake_of_the_monoliths_is_told_in_its_words(bank: Bank) -> None:
    assert bank.monolith("limit", "card-9999", 100) == "there is no card-9999"
    with pytest.raises(WorkshopError, match="The bank could not do that"):
        bank.monolith("limit", "card-0001", "much")


def test_a_row_of_the_outbox_becomes_an_event_even_if_it_is_deleted_at_once(bank: Bank) -> None:
    outbox.follow(bank)
    with bank.connect() as database, database.transaction():
        database.execute(
            "insert into outbox values (gen_random_uuid(), 'card', 'card-0001', 'CardBlocked', '{\"a\": 1}')"
        )
        database.execute("delete from outbox")
    outbox.settle(bank)
    told = [record for record in consume.read_all(bank.ws, outbox.topic(bank)) if record.key == b'"card-0001"']
    assert [record.value for record in told] == [b'{"a":1}']
    assert ("type", b"CardBlocked") in told[0].headers


def test_an_event_of_a_transaction_that_was_taken_back_is_told_to_nobody(bank: Bank) -> None:
    outbox.follow(bank)
    with bank.connect() as database, database.transaction(force_rollback=True):
        database.execute("insert into outbox values (gen_random_uuid(), 'card', 'card-0001', 'CardBlocked', '{}')")
    outbox.settle(bank)
    assert {record.key for record in consume.read_all(bank.ws, outbox.topic(bank))} == {b'"mark"'}


def test_new_settings_are_in_use_when_the_wait_for_the_connector_ends(bank: Bank) -> None:
    for _ in range(2):  # an attendee can run the cell with the first settings once more
        bank.follow("customers", "cards")
        outbox.follow(bank)
        with bank.connect() as database:
            database.execute("insert into outbox values (gen_random_uuid(), 'card', 'card-0001', 'CardBlocked', '{}')")
        outbox.settle(bank)
    told = [record for record in consume.read_all(bank.ws, outbox.topic(bank)) if record.key == b'"card-0001"']
    assert len(told) == 2


def test_an_incremental_snapshot_reads_rows_that_have_not_changed_since_a_column_was_added(bank: Bank) -> None:
    outbox.follow(bank)
    with bank.connect() as database:
        database.execute("alter table customers add column language text not null default 'fr'")
        bank.monolith("move", 0, "Vevey")
        assert "language" not in current(bank.settled("customers"))[1]
        database.execute(
            "insert into debezium_signal values ('again', 'execute-snapshot', %s)",
            ['{"type": "incremental", "data-collections": ["public.customers"]}'],
        )
    assert current(bank.settled("customers", whole=True)) == bank.table("customers")


def test_a_client_of_the_lesson_sends_settings_and_is_told_what_is_wrong_with_them(bank: Bank) -> None:
    with httpx.Client(**bank.rest) as rest:
        answer = rest.put(f"/connectors/{bank.name}/config", json={"connector.class": "NoSuch", "tasks.max": 1})
        assert answer.status_code == 400
        assert "NoSuch" in answer.text
        assert rest.get("/connectors").json() == []
    with pytest.raises(WorkshopError, match="There is no connector"):
        bank.wait_until_streaming()
    with psycopg.connect(**bank.sql) as database:
        assert database.execute("select count(*) from cards").fetchone() == (8,)


def test_a_slot_that_was_dropped_is_made_anew_and_the_tables_are_read_again(bank: Bank) -> None:
    outbox.follow(bank)
    bank.settled("cards")
    bank.unfollow()
    with bank.connect() as database:
        banks.drop_slot(database, bank.database)
    bank.monolith("limit", "card-0001", 123_00)
    outbox.follow(bank)
    assert [c.operation for c in bank.settled("cards") if c.key == {"card": "card-0001"}] == ["read", "read"]


def test_a_row_too_large_for_the_brokers_is_told_with_its_reason(bank: Bank) -> None:
    bank.follow("customers")
    with bank.connect() as database:
        database.execute("update customers set city = repeat('x', 3000000) where id = 1")
    with pytest.raises(WorkshopError, match=r"connector has failed.*max\.request\.size"):
        bank.settled("customers")


def test_connect_whose_port_is_taken_says_so_with_the_end_of_its_log(bank: Bank) -> None:
    bank.worker.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", bank.worker.port))
        taken.listen()
        with pytest.raises(WorkshopError, match="ended right after its start") as told:
            bank.start_connect()
    assert "bind" in str(told.value.detail).lower()
    with pytest.raises(WorkshopError, match="Kafka Connect does not answer"):
        bank.worker.ask("GET", "/connectors")
    bank.start_connect()


def test_postgresql_whose_port_is_taken_says_so(bank: Bank) -> None:
    bank.postgres.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", bank.postgres.port))
        taken.listen()
        with pytest.raises(WorkshopError, match="PostgreSQL ended right after its start") as told:
            bank.postgres.start()
    assert "port was taken" in told.value.next_step
    bank.postgres.start()
