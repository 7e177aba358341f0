"""The program that sends the load.

Usage: python -m workshop.load PLAN, a `Plan` as JSON.
"""

import asyncio
import sys

from workshop.load.sender import Plan, send

asyncio.run(send(Plan.read(sys.argv[1])))
