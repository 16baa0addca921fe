"""Work in threads, some items ahead of what is asked for: in order, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cyclegan_tf.io.machine import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4  # where items or results are pictures of any size: large ones must not pile up
FAR_AHEAD = 64  # where both are small, or kept anyway


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = AHEAD
) -> Iterator[Result]:
    """Yields `work(item)` for every item, computed in threads while the caller does its own.

    Args:
        work: called in another thread; what it raises is raised where its result would come.
        items: read in the caller's thread.
        ahead: how many items may be under way, or done and not yet taken. There is a thread for
            each of them, but at most one a core.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(min(ahead, available_cores()))
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
