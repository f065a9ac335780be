"""Reads a task's objects ahead of their decoding, so that waiting for a network and working go on at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from pipeline.sources.base import Source, SourceObject

# Bytes, as they lie in the source, that may wait in memory to be decoded; one object more is always let in.
AHEAD_BYTES = 32 << 20

Fetched = tuple[int, SourceObject, "Future[bytes]"]


class Reader:
    """Gives objects with their bytes in the order asked, as futures; keeps its threads between tasks."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def read(self, objects: Sequence[tuple[int, int, SourceObject]]) -> Iterator[Fetched]:
        """(number, object, future of its bytes) for each (number, source, object).

        What the source's `read` raises, the future raises.
        """
        ahead: deque[Fetched] = deque()
        waiting = 0
        for number, source, item in objects:
            while ahead and (len(ahead) >= self.sources[source].parallel or waiting + item.size > AHEAD_BYTES):
                waiting -= ahead[0][1].size
                yield ahead.popleft()
            ahead.append((number, item, self._begin(source, item)))
            waiting += item.size
        yield from ahead

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, number: int, item: SourceObject) -> Future[bytes]:
        source = self.sources[number]
        if source.parallel > 1:
            if number not in self._pools:
                self._pools[number] = ThreadPoolExecutor(source.parallel, thread_name_prefix=source.name)
            return self._pools[number].submit(source.read, item)
        done: Future[bytes] = Future()
        try:
            done.set_result(source.read(item))
        except Exception as error:
            done.set_exception(error)
        return done
