"""The bank's monolith: customers and cards in one database. It does not use Kafka, and no lesson changes it.

Usage: bank.py create                   create the tables
       bank.py open COUNT               open COUNT accounts, with one card each
       bank.py limit CARD CENTS         set the limit per payment of a card
       bank.py move CUSTOMER CITY       change the city of a customer
       bank.py close CUSTOMER           delete a customer and their cards
       bank.py work COUNT PER_SECOND    change COUNT limits at the given rate

The variable BANK_DATABASE contains the address of the database.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

NAMES = [
    "Zoé Lefèvre",
    "Jürg Müller",
    "Amélie Noël",
    "Luca Rossi",
    "Inès Benoît",
    "Noah Keller",
    "Chloé Garçon",
    "Mia Weber",
]
CITIES = ["Genève", "Zürich", "Lausanne", "Lugano", "Sion", "Bern", "Nyon", "Basel"]
FIRST_LIMIT = 500_00


def create(bank: psycopg.Connection) -> str:
    """Create the tables."""
    bank.execute(Path(__file__).with_name("schema.sql").read_text())
    return "tables made"


def open_accounts(bank: psycopg.Connection, count: str) -> str:
    """Open accounts; continue after the highest customer number."""
    [(first,)] = bank.execute("select coalesce(max(id) + 1, 0) from customers").fetchall()
    for number in range(first, first + int(count)):
        with bank.transaction():
            name, city = NAMES[number % len(NAMES)], CITIES[number % len(CITIES)]
            bank.execute("insert into customers values (%s, %s, %s)", [number, name, city])
            bank.execute("insert into cards values (%s, %s, %s)", [f"card-{number:04d}", number, FIRST_LIMIT])
    return f"{count} account{'s' * (int(count) != 1)} opened"


def limit(bank: psycopg.Connection, card: str, cents: str | int) -> str:
    """Set the limit per payment of a card."""
    done = bank.execute("update cards set limit_cents = %s where card = %s", [int(cents), card])
    return f"{card}: limit {int(cents) / 100:.2f} €" if done.rowcount else f"there is no {card}"


def move(bank: psycopg.Connection, customer: str, city: str) -> str:
    """Change the city of a customer."""
    done = bank.execute("update customers set city = %s where id = %s", [city, int(customer)])
    return f"customer {customer} lives in {city}" if done.rowcount else f"there is no customer {customer}"


def close(bank: psycopg.Connection, customer: str) -> str:
    """Delete a customer, and with them their cards."""
    done = bank.execute("delete from customers where id = %s", [int(customer)])
    return f"customer {customer} has left" if done.rowcount else f"there is no customer {customer}"


def work(bank: psycopg.Connection, count: str, per_second: str) -> str:
    """Change limits at a rate per second, each to a different amount."""
    cards = [card for (card,) in bank.execute("select card from cards order by card").fetchall()]
    began = time.monotonic()
    for number in range(int(count)):
        time.sleep(max(0.0, began + number / float(per_second) - time.monotonic()))
        limit(bank, cards[number % len(cards)], 1_000_00 + number)
    return f"{count} limits changed"


COMMANDS: dict[str, Callable[..., str]] = {
    "create": create,
    "open": open_accounts,
    "limit": limit,
    "move": move,
    "close": close,
    "work": work,
}


def main(words: list[str]) -> None:
    """Run one command and print its result."""
    if not words or words[0] not in COMMANDS or "BANK_DATABASE" not in os.environ:
        sys.exit(__doc__)
    with psycopg.connect(os.environ["BANK_DATABASE"], autocommit=True) as bank:
        print(COMMANDS[words[0]](bank, *words[1:]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (psycopg.Error, TypeError, ValueError) as error:
        sys.exit(f"The bank could not do that: {error}")
