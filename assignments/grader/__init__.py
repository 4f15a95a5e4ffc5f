"""The command `grade`: from a file that anybody may have written to points with reasons.

    files       bytes of a file that may be anything: a link, a pipe, a gigabyte
    outline     the YAML in it as plain text with line numbers; nothing is ever built from it
    grade       what comes out: parts, points, evidence, tags
    page        the same as a page of text, to learn from;   html: with figures
    collect     a folder of submissions: whose is which, and which are none
    pool        many at once, in processes of their own with limits;   worker: what runs in one
    results     Gradescope's results.json and a summary in CSV
    cli         the command line

A design is data. It is read and never run, so there is no sandbox here: what a worker is kept from
(files, memory without end, time without end) is meant for our own mistakes.
"""
