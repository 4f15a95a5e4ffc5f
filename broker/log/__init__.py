"""One partition on one disk: the log everything else is built on.

A log is a sequence of record batches that only grows at its end. On disk it is a folder of
*segments*; the folder and every file in it are Apache Kafka's own, byte for byte. This package
knows no network, no cluster and no clock: it is told the time, and it is given a disk.

A reading order: `log.py` (append, read, roll), `segment.py` and `index.py` (how an offset is
found), `producer_state.py` (why a retry is not written twice), `recovery.py` (what a crash
leaves), and `disk/` (what "written" means).
"""
