"""One virtual time for several processes: each is a thread with a loop of its own, and only the earliest may go on."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Turns:
    """Hands the turn to whoever's time is earliest; among equals, to the first. So the order hangs on times alone."""

    def __init__(self, count: int, start: float) -> None:
        self._due = dict.fromkeys(range(count), start)
        self._gates = [threading.Semaphore(0) for _ in range(count)]

    def wait(self, number: int, until: float) -> None:
        """Let the others go on as far as `until`, by which time this one goes on."""
        self._due[number] = until
        following = self._earliest()
        if following != number:
            self._gates[following].release()
            self._gates[number].acquire()

    def begin(self) -> None:
        """Let the first one go."""
        self._gates[self._earliest()].release()

    def await_first(self, number: int) -> None:
        """Wait for one's first turn."""
        self._gates[number].acquire()

    def leave(self, number: int) -> None:
        """This one needs no more turns."""
        del self._due[number]
        if self._due:
            self._gates[self._earliest()].release()

    def _earliest(self) -> int:
        return min(self._due, key=lambda number: (self._due[number], number))


def together(start: float, lives: Sequence[Callable[[Callable[[float], None]], T]]) -> list[T]:
    """Let all of these live side by side from `start` on; each is given what it must call with each of its times."""
    turns, came_to = Turns(len(lives), start), dict[int, T]()
    broken: list[BaseException] = []

    def live(number: int) -> None:
        turns.await_first(number)
        try:
            came_to[number] = lives[number](partial(turns.wait, number))
        except BaseException as error:  # noqa: BLE001  told to who waits for all
            broken.append(error)
        finally:
            turns.leave(number)

    threads = [threading.Thread(target=live, args=(number,), name=f"process-{number}") for number in range(len(lives))]
    for thread in threads:
        thread.start()
    turns.begin()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return [came_to[number] for number in range(len(lives))]
