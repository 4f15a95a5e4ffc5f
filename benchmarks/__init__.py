"""What the broker costs, measured: each row is a command that prints a table.

    make bench                      all rows
    make bench ROWS="codec start"   these

Figures from one machine say little about another, and little about the same one an hour later. So
each run prints the machine and the versions it saw, and what counts are ratios within one run. The
method of each row stands at the top of its file.
"""
