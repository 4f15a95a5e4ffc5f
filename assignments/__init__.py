"""What students hand in, and what reads it.

ecommerce   an assignment: the handout, the traffic of a shop, and the checks of a design
grader      the command `grade`: reads hostile files, runs checks, writes results
"""
