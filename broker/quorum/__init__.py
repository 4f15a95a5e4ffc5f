"""The metadata quorum: who leads, and which metadata records are committed.

Kafka keeps its own metadata (topics, brokers, settings) in a log like any other, replicated by
Raft (KIP-500, KIP-595). A record of it counts once a majority of the voters has it on disk, and is
then never taken back. With one voter that majority is this node's own disk, by the same code: it
elects itself, opens an epoch with a `LeaderChange` record, and counts what it has synced.

`quorum.py` is the way in; what it is made of is said there.
"""
