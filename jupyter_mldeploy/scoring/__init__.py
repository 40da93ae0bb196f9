"""The scoring server: runs ``init()`` once and ``run()`` for every request behind an HTTP endpoint.

Read along the way of a request: ``listener`` accepts, ``reader`` and ``connection`` speak HTTP and make ``exchange``s,
``application`` routes them, ``invoke`` gives them to the thread of the user's code, ``calling`` decodes, calls
``run()`` and encodes, ``answer`` writes the bytes. ``worker`` puts it together for one process; a supervisor, or the
little ``standalone`` parent, starts and replaces workers.

This package is copied into images together with ``schema``: it imports nothing else of ours.
"""
