"""The asyncio front: connections, limits, threads for the disk, and a process around them.

framing      bytes -> frames, the size checked first
connection   one client: requests in order, answers in order, back-pressure
budget       one bound of memory for all of them
host         the node's joint in real time: events in, effects carried out, one timer
syncing      threads that wait for fsync
server       one node behind one listening socket, from start to stop
run          a process of its own, and the signals that end it
"""
