"""The Jupyter server extension: REST, one WebSocket, events and a proxy over the core; the only place with tornado.

``app`` wires everything, ``routes`` is the table of addresses, and each noun has a file of its own. A handler parses,
calls the core in a thread, and shows; what it needs from its surroundings is the :class:`backend.Backend`.
"""
