"""Work in threads, a few items ahead of what is asked for: in order, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cyclegan_tf.io.machine import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4  # items under way or waiting: large pictures must not pile up


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields `work(item)` for every item, computed in threads while the caller does its own.

    At most `AHEAD` items are under way, or done and not yet taken.

    Args:
        work: called in another thread; what it raises is raised where its result would come.
        items: read in the caller's thread.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(min(AHEAD, available_cores()))
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
