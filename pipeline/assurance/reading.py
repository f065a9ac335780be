"""Objects read and worked on in threads, in their order, with few of them in memory at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pipeline.sources.base import Source, SourceObject

T = TypeVar("T")
K = TypeVar("K")
# Told what is being read (digests, logs), how many are done, and of how many.
Progress = Callable[[str, int, int], None]
AHEAD_BYTES = 64 << 20


def why(error: Exception) -> str:
    """Why an object's bytes cannot be had, as its source tells it."""
    return f"cannot be read ({getattr(error, 'strerror', None) or error})"


def each(
    source: Source, items: Iterable[tuple[K, SourceObject]], work: Callable[[bytes], T]
) -> Iterator[tuple[K, SourceObject, Future[T]]]:
    """(key, object, future of what `work` makes of its bytes) for each; the future raises what either raises.

    Hashing and inflating let other threads run, so that threads are enough.
    """
    alone = threading.Lock() if source.parallel == 1 else None

    def one(item: SourceObject) -> T:
        if alone:
            with alone:
                data = source.read(item)
        else:
            data = source.read(item)
        return work(data)

    threads = max(source.parallel, len(os.sched_getaffinity(0)))
    ahead: deque[tuple[K, SourceObject, Future[T]]] = deque()
    waiting = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")
    try:
        for key, item in items:
            while ahead and (len(ahead) >= 2 * threads or waiting + item.size > AHEAD_BYTES):
                waiting -= ahead[0][1].size
                yield ahead.popleft()
            ahead.append((key, item, pool.submit(one, item)))
            waiting += item.size
        yield from ahead
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
