"""The assignment: topics, keys and partitions for a shop.

handout.md    what the student reads;   design.yaml: what the student fills in
streams       the facts of the handout, as data
workload      the traffic of the shop
design        what a design says, and what is wrong with one
stage         a design on the simulator
checks        what is looked for in a run
rubric        points, misconceptions, lessons
assess        from the bytes of a file to its grade
samples       two good designs of different taste, and six with one misconception each
"""
