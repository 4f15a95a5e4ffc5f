"""The course: notebooks, and the few words they are written in.

A cell of a notebook should read like the sentence above it. So what a cell *does* is
always the shipped broker, or a real client of it, and what would distract from the idea
(drawing, measuring, checking an exercise) lives here under a plain name:

    queue    a message queue in twenty lines, the thing Kafka is not
    scenes   the recorded runs behind the figures of a lesson
    predict  a question that is asked before the answer is shown
    checks   exercises: an experiment with the learner's answer, then evidence and a hint
    experiments  the virtual weeks in which an exercise's answer is tried
    verdict  what a check answers: evidence and a hint, never just "wrong"
    disk     records written to this machine's disk, in order and scattered
    stopwatch  records a second
    live     a real broker on this machine, or the one BOOTSTRAP_SERVERS names
    figures  the pictures, drawn from a trace

Nothing here opens a socket or starts a thread except `live`, so that everything else runs
in a browser as well.
"""
