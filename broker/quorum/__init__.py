"""The metadata quorum: who leads, and which metadata records are committed.

Kafka keeps its own metadata (topics, brokers, settings) in a log like any other, replicated by
Raft (KIP-500, KIP-595). A record of it counts once a majority of the voters has it on disk. With
one voter that majority is this node's own disk, so a record is committed when it is synced. The
rest has its final form already: epochs, the `LeaderChange` record that opens each of them, the
`quorum-state` file, and the high watermark behind which nothing is ever taken back.
"""
