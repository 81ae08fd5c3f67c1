"""Inflating zlib streams in pieces, as far as is asked for."""

from __future__ import annotations

import zlib

from headshot.reading.bounds import PIECE, Span

RATIO = 1032
"""Bytes that one byte of a deflate stream can become at most: Deutsch, "DEFLATE", RFC 1951, section 3.2.5,
258 bytes of a match in two bits."""


class Inflated(Span):
    """What a zlib stream holds, read from front to back; see `Span`."""

    def __init__(self, packed: Span) -> None:
        self._packed, self._inflater = packed, zlib.decompressobj()
        self._waiting = b""
        self.left = RATIO * packed.left

    def read(self, count: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            ValueError: there are fewer, or more are asked for than can be in the stream.
            zlib.error: the stream is damaged.
        """
        found = self.some(count)
        if len(found) != count:
            raise ValueError(f"it ends {count - len(found)} bytes too early")
        return found

    def some(self, count: int) -> bytes:
        """Up to so many bytes; fewer only at the end."""
        if not 0 <= count <= self.left:
            raise ValueError(f"{count} bytes are announced where at most {self.left} can be")
        pieces, missing = [], count
        while missing and not self._inflater.eof:
            source = self._waiting or self._packed.some(PIECE)
            piece = self._inflater.decompress(source, missing)
            self._waiting = self._inflater.unconsumed_tail
            if not piece and not source:
                break
            pieces.append(piece)
            missing -= len(piece)
        self.left -= count - missing
        return b"".join(pieces)

    def skip(self, count: int) -> None:
        """Leave out so many bytes."""
        while count:
            count -= len(self.read(min(count, PIECE)))
