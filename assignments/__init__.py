"""What students hand in, and what reads it: the exercises and the grader (next to be built)."""
