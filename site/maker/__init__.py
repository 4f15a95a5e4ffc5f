"""What makes pages of things that live elsewhere: lessons, docstrings, tables, traces.

A page of this site is written once, where it belongs. The lesson is a notebook, what a room of the
broker is for stands at the top of its modules, which versions are served is a table in the code.
Here each of them becomes a page, when the site is built:

    lesson      a notebook, run and written as Markdown, with figures that scrub
    home        the run that the first page plays
    figures     a trace and a module, in the form in which a page loads them
    grading     a graded design, and the names of mistakes
    docstrings  a docstring as Markdown
    rooms       one page for each package of the broker
    protocol    the APIs and their versions
    quorum      the states of a voter, drawn, and the ways between them
    source      the broker's code, to open from all of these
    settings    what can be set, and what it is if nobody does
    documents   CONTRIBUTING, CHANGELOG and the like: the same text, with links that fit the site
    npm         the faces: once from the registry, from then on from `build/`

Everything but `npm` is a function from the repository to text: the same commit gives the same
site, byte for byte, and asks no other machine for anything. `hooks.py` beside this package is what
mkdocs calls; it alone knows mkdocs.
"""
