"""A helper thread for work that may overlap with the next step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

#: So many pieces of work may wait or run; then the loop waits for the oldest, so that memory stays bounded.
MAX_PENDING = 3


class BackgroundThread:
    """Does pieces of work one after the other in one thread; the thread is started with the first of them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future[None]] = deque()

    def start(self, work: Callable[[], None]) -> None:
        """Give it a piece of work.

        Raises:
            Exception: What an earlier piece of work raised.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self.make_room()
        self._pending.append(self._pool.submit(work))

    def make_room(self) -> None:
        """Wait until there is room for another piece of work.

        Raises:
            Exception: What an earlier piece of work raised.
        """
        while len(self._pending) >= MAX_PENDING:
            self._pending.popleft().result()

    def flush(self) -> None:
        """Wait until all of it is done.

        Raises:
            Exception: What a piece of work raised.
        """
        while self._pending:
            self._pending.popleft().result()
