"""The asyncio front: connections, limits, threads for the disk, and a process around them.

framing      bytes -> frames, the size checked first
connection   one client: requests in order, answers in order, back-pressure
budget       one bound of memory for all of them
host         the node's joint in real time: events in, effects carried out, one timer
links        the way out: requests to peers, and their answers
syncing      threads that wait for fsync
listening    the sockets
server       one node behind its listening sockets, from start to stop
run          a process of its own, and the signals that end it
options      what a person said about a broker
siblings     what several brokers on one machine are told
embedded     a broker among others in one process, which may die and live again
together     a process for each of them, and one that looks after them
"""
