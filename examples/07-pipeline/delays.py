"""What the late flights of each airport have in common."""

import collections

import numpy
import ringmail

SHOWN = 10

peer = ringmail.peer()
late = collections.defaultdict(list)  # minutes, by airport


@peer.on("pipeline.Flights")
def flights(message, sender):
    delays = numpy.frombuffer(message.delays, dtype="<i4")  # in the ring, where the filter has written them
    origins = numpy.array(message.origins)
    for origin in set(message.origins):
        late[origin].append(delays[origins == origin])


@peer.on("pipeline.End")
def end(message, sender):
    airports = {origin: numpy.concatenate(parts) for origin, parts in late.items()}
    count = sum(map(len, airports.values()))
    assert count == message.sent, f"{message.sent} flights were sent, {count} came"
    busiest = sorted(airports, key=lambda origin: (-len(airports[origin]), origin))[:SHOWN]
    summaries = [
        peer.new(
            "pipeline.Summary",
            origin=origin,
            late=len(airports[origin]),
            worst=int(airports[origin].max()),
            mean=float(airports[origin].mean()),
            median=float(numpy.median(airports[origin])),
        )
        for origin in busiest
    ]
    peer.mailbox("printer").send(peer.new("pipeline.Report", read=message.read, late=count, summaries=summaries))


peer.run()
