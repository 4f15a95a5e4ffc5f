"""One file per API: what this broker answers.

Each module has a function `handle(broker, request, body, now)`. It returns the response, or None
when there is none to give now: the request waits (a waiting room says for what) or wants no answer.
A handler that refuses raises an ApiError or puts the code where the protocol has a place for it.

`table.py` lists them; the answer to ApiVersions is that list and nothing else.
"""
