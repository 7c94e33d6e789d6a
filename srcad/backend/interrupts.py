"""Ctrl-C while compiled code runs.

Python runs the handler of a signal when it runs bytecode again, so not before compiled code has
returned. But the signal itself wakes up who waits at the other end of a socket: a thread, which
tells the code to end. The code looks once a step (``srcad.runtime.threads.goes_on``).

This holds for calls in the main thread, which the signal is for, and where SIGINT raises
``KeyboardInterrupt`` as usual; a handler of the user's own runs when the call has returned.
"""

import contextlib
import os
import select
import signal
import socket
import threading

import numpy as np

ENDS = 7
"""Where a pool says that the run is to end."""


class Listener:
    """The thread that waits for signals, and the calls that are running."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.running: list[np.ndarray] = []
        self.others: list[int] = []
        """Who else is to be told of signals, for each call."""
        self.inbox, self.outbox = socket.socketpair()
        self.inbox.setblocking(False)
        self.outbox.setblocking(False)
        threading.Thread(target=self._listen, name="srcad-interrupts", daemon=True).start()

    def start(self, mark: np.ndarray) -> int:
        """Let signals end a call; returns what ``signal.set_wakeup_fd`` is to be told after it."""
        with self.lock:
            self._take()  # of calls before
            self.running.append(mark)
            other = signal.set_wakeup_fd(self.outbox.fileno(), warn_on_full_buffer=False)
            self.others.append(other)
        return other

    def stop(self, mark: np.ndarray) -> None:
        """The call has returned."""
        with self.lock:
            self.running = [m for m in self.running if m is not mark]
            self.others = self.others[: len(self.running)]

    def _listen(self) -> None:
        while True:
            select.select([self.inbox], [], [])
            with self.lock:
                signals = self._take()
                if signal.SIGINT in signals:
                    for mark in self.running:
                        mark[ENDS] = 1
                others = {fd for fd in self.others if fd not in (-1, self.outbox.fileno())}
            for fd in others:
                _passed_on(fd, signals)

    def _take(self) -> bytes:
        """The numbers of the signals that have come."""
        try:
            return self.inbox.recv(4096)
        except BlockingIOError:
            return b""


_listener: Listener | None = None


def listener() -> Listener | None:
    """Who ends calls in this thread when Ctrl-C is pressed; None: nobody can."""
    global _listener  # noqa: PLW0603 (one for each process)
    if threading.current_thread() is not threading.main_thread():
        return None
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return None
    if _listener is None or _listener.process != os.getpid():
        _listener = Listener()
    return _listener


def _passed_on(fd: int, signals: bytes) -> None:
    """Tell who waited for signals before the call."""
    with contextlib.suppress(OSError):  # it is full, or closed
        os.write(fd, signals)
