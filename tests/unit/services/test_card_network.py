"""The simulated card network: bounded calls, a bounded queue, and counts that are right after a cancellation."""

from __future__ import annotations

import asyncio

import pytest
from services.payments.card_network import Busy, CardNetwork

LONG = 3_600.0


async def started(network: CardNetwork, count: int) -> list[asyncio.Task]:
    """Payments that have reached the network, as far as it lets them."""
    tasks = [asyncio.create_task(network.authorize()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def cancelled(tasks: list[asyncio.Task]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_more_payments_than_calls_wait_in_a_queue():
    async def scenario() -> None:
        network = CardNetwork(calls=2, seconds=LONG)
        tasks = await started(network, 5)
        assert (network.in_flight, network.queued) == (2, 3)
        await cancelled(tasks)

    asyncio.run(scenario())


def test_a_payment_beyond_the_queue_is_refused_at_once():
    async def scenario() -> None:
        network = CardNetwork(calls=1, seconds=LONG, queue=2)
        tasks = await started(network, 3)
        with pytest.raises(Busy, match="2 payments wait already"):
            await network.authorize()
        assert (network.in_flight, network.queued) == (1, 2)
        await cancelled(tasks)

    asyncio.run(scenario())


def test_payments_take_their_turns_until_all_are_authorized():
    async def scenario() -> None:
        network = CardNetwork(calls=2, seconds=0.0)
        await asyncio.gather(*(network.authorize() for _ in range(10)))
        assert (network.in_flight, network.queued) == (0, 0)

    asyncio.run(scenario())


def test_clients_that_hang_up_leave_neither_a_call_nor_a_place_in_the_queue():
    async def scenario() -> None:
        network = CardNetwork(calls=1, seconds=LONG)
        calling, waiting = await started(network, 2)
        await cancelled([waiting])
        assert (network.in_flight, network.queued) == (1, 0)
        await cancelled([calling])
        assert (network.in_flight, network.queued) == (0, 0)
        (following,) = await started(network, 1)
        assert network.in_flight == 1
        await cancelled([following])

    asyncio.run(scenario())
