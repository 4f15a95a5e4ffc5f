"""Where a follower cuts its log, when the leader says that the two have gone different ways.

Two replicas that agree on the epoch and the offset of a record agree on all before it. The follower
says with each fetch how its log ends (epoch and offset). If that is not in the leader's log, the
answer names the largest epoch that both may have, and where it ends over there:

    leader     0 . . . . 5(epoch 2) . . . . 9(epoch 4)
    follower   0 . . . . 5(epoch 2) . . . . . . 12(epoch 3) .. 15     "epoch 3, offset 15"
                                                                      "epoch 2 ends at 9"
    the follower's epoch 2 ends at 12: cut to min(9, 12) = 9, and fetch from there

Where the follower does not know that epoch it cuts to the end of the largest one below, and the
next fetch goes on from there: so they come together in steps, however many elections were missed
(KIP-101, KIP-279; `AbstractFetcherThread.getOffsetTruncationState`). Its own high watermark plays
no part: cutting to it, as Kafka once did, loses acknowledged records (KAFKA-1211).
"""

from __future__ import annotations

from broker.log.log import Log


def truncation_offset(log: Log, epoch: int, leader_end: int) -> int:
    """Where to cut a log, given the largest common epoch as the leader sees it, and its end."""
    own_epoch, own_end = log.end_offset_for_epoch(epoch)
    if own_epoch < 0:
        # We know of no epoch as old as that.
        return min(leader_end, log.log_end_offset)
    if own_epoch != epoch:
        return min(own_end, log.log_end_offset)
    return min(own_end, leader_end, log.log_end_offset)
