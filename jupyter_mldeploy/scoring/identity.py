"""Request ids: which ones come in, which ones go out, by v1's rules.

| header                   | in                                   | out                                             |
|--------------------------|--------------------------------------|-------------------------------------------------|
| `x-request-id`           | taken over                           | as sent, else a new UUID                        |
| `x-ms-client-request-id` | the client's own id                  | as sent, else what `x-ms-request-id` said       |
| `x-ms-request-id`        | old name of the client's id          | as sent, else the client's id, else the request id |
| `TraceId`                | Office services' trace               | as sent                                         |
"""

from __future__ import annotations

import random

from .exchange import Exchange

LONGEST_ID = 100


_IDS_WITH_ONE_BEGINNING = 1000


class Identifier:
    """Gives requests their ids. Its random numbers are its own: a script may seed the shared generator.

    Writing 122 new bits as text for each request takes longer than all else that is done for its id. A thousand ids in
    a row share their first 74 bits, and count on from where the last 48 of them happened to begin.
    """

    def __init__(self) -> None:
        # Ids must be distinct, not secret.
        self._random = random.Random(random.SystemRandom().getrandbits(64))  # noqa: S311
        self._beginning = b""
        self._next = self._last = 0

    def new_id(self) -> bytes:
        """Return a random UUID (version 4) as text."""
        if self._next == self._last:
            text = b"%032x" % (self._random.getrandbits(128) & ~(0xF000C000 << 48) | (0x40008000 << 48))
            self._beginning = b"%b-%b-%b-%b-" % (text[:8], text[8:12], text[12:16], text[16:20])
            self._next = self._random.randrange(1 << 48 - _IDS_WITH_ONE_BEGINNING.bit_length()) << 10
            self._last = self._next + _IDS_WITH_ONE_BEGINNING
        self._next += 1
        return b"%b%012x" % (self._beginning, self._next)

    def assign(self, exchange: Exchange) -> bool:
        """Set the exchange's ids; return False when one is too long (the answer is then set to 431)."""
        headers = exchange.headers
        request_id = headers.get(b"x-request-id")
        if request_id is None:
            request_id = self.new_id()
        elif len(request_id) > LONGEST_ID:
            exchange.refuse(431, f"x-request-id must not exceed {LONGEST_ID} characters")
            return False
        exchange.request_id = request_id
        client = headers.get(b"x-ms-client-request-id", b"")
        legacy = headers.get(b"x-ms-request-id", b"")
        if legacy or client:
            if len(client) > LONGEST_ID or len(legacy) > LONGEST_ID:
                exchange.refuse(
                    431, f"x-ms-request-id and x-ms-client-request-id must not exceed {LONGEST_ID} characters"
                )
                return False
            exchange.client_id = client or legacy
            exchange.legacy_id = legacy or client
        else:
            exchange.legacy_id = request_id
        if b"traceid" in headers:
            exchange.trace = headers[b"traceid"]
        return True
