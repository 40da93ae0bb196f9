"""Request bodies that were compressed on the way: gzip and deflate, up to the same size as plain ones."""

from __future__ import annotations

import zlib


class CodingError(ValueError):
    """A body cannot be decompressed; ``status`` is the HTTP status that says so."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def decoded_body(body: bytes, coding: bytes, limit: int) -> bytes:
    """Return a body without its ``Content-Encoding``.

    Raises:
        CodingError: an unknown coding (status 415), broken data (400), or more than ``limit`` bytes come out (413).
    """
    for name in reversed([part.strip().lower() for part in coding.split(b",")]):
        if name in (b"gzip", b"x-gzip"):
            body = _inflate(body, limit, zlib.MAX_WBITS | 16)
        elif name == b"deflate":
            # The standard means zlib's format, some clients send the bare one.
            body = _inflate(body, limit, zlib.MAX_WBITS if body[:1] == b"\x78" else -zlib.MAX_WBITS)
        elif name not in (b"identity", b""):
            shown = name.decode("latin-1")
            raise CodingError(f"Content-Encoding {shown!r} is not known. Send gzip, deflate or the plain body.", 415)
    return body


def _inflate(body: bytes, limit: int, window: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        engine = zlib.decompressobj(window)
        try:
            parts.append(engine.decompress(body, limit - size + 1))
        except zlib.error as error:
            raise CodingError(f"The body cannot be decompressed: {error}.") from None
        size += len(parts[-1])
        if size > limit:
            raise CodingError(f"The decompressed body must not exceed {limit} bytes (MLDEPLOY_MAX_BODY_BYTES).", 413)
        if not engine.eof:
            raise CodingError("The body cannot be decompressed: it ends too early.")
        body = engine.unused_data
        if not body or window < 0 or window == zlib.MAX_WBITS:
            return b"".join(parts)
