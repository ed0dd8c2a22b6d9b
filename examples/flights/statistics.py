"""The peer of the flights example: the same statistics, by code of its own.

    statistics.py TABLE FLIGHTS

TABLE is a file with a slot for each of FLIGHTS flights. It outlives this process: a successor reads back what was there,
and a flight that comes again finds its slot taken.
"""

import mmap
import struct
import sys
from collections import defaultdict

import ringmail

# Whether the slot is taken stands last, so it is written last: a flight that was cut short by a death is not there yet.
SLOT = struct.Struct("<4si?")

table, flights = sys.argv[1], int(sys.argv[2])
with open(table, "a+b") as file:
    file.truncate(flights * SLOT.size)
    slots = mmap.mmap(file.fileno(), flights * SLOT.size)

delays = defaultdict(list)  # by airport
for airport, delay, taken in SLOT.iter_unpack(slots):
    if not taken:  # flights come in order, so there is nothing behind it
        break
    delays[airport.rstrip(b"\0").decode()].append(delay)
if delays:
    print(f"took up {sum(map(len, delays.values()))} flights of a predecessor")
repeated = 0

peer = ringmail.peer()


@peer.on("flights.Flight")
def flight(message):
    global repeated
    slot = message.index * SLOT.size
    if slots[slot + SLOT.size - 1]:
        repeated += 1
        return
    SLOT.pack_into(slots, slot, message.origin.encode(), message.delay, True)
    delays[message.origin].append(message.delay)


def percentile(ordered, percent):
    """The nearest rank: the smallest value such that at least `percent` of a hundred are not above it."""
    return ordered[-(-percent * len(ordered) // 100) - 1]


@peer.on("flights.AskDelays")
def ask_delays(question):
    ordered = sorted(delays.get(question.airport, ()))
    if not ordered:
        return peer.new("flights.Delays", airport=question.airport)
    return peer.new(
        "flights.Delays",
        airport=question.airport,
        count=len(ordered),
        mean=sum(ordered) / len(ordered),
        median=percentile(ordered, 50),
        p90=percentile(ordered, 90),
        p99=percentile(ordered, 99),
    )


@peer.on("flights.AskTotals")
def ask_totals(question):
    count = sum(map(len, delays.values()))
    return peer.new("flights.Totals", flights=count, airports=len(delays), repeated=repeated)


peer.run()
