"""The partitions this broker holds: who leads them, what is committed, who waits for it.

A partition is a log plus a role in the cluster. Its leader takes appends, and a record counts as
committed when every in-sync replica has it; that boundary is the *high watermark*, and consumers
read up to it. Requests that ask for what is not there yet (a produce that waits for its replicas, a
fetch that waits for data) sit in a waiting room, which is plain data: who, for what, until when.
"""
