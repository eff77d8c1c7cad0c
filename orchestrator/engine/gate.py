"""The gate: while it is not known that the credentials are good, requests go one at a time.

More than five failed authentications in a row lock a key for five minutes, for everybody who uses it. So the first
request goes alone; after a 401 nothing new leaves, the credentials are read again (the `generation` grows, the client
sees it), and one request goes alone, even if the key is unchanged: a gateway can stumble. A second 401 in a row is
final.
"""

from __future__ import annotations

from orchestrator.engine.signal import Signal

FINAL_STRIKES = 2


class Gate:
    """Open, or passed by one request at a time."""

    def __init__(self) -> None:
        self.generation = 0  # grows when the credentials are to be read again
        self._open = False
        self._probing = False
        self._strikes = 0
        self._changed = Signal()

    @property
    def is_shut(self) -> bool:
        """Whether the next request has to wait for one that is out alone."""
        return not self._open and self._probing

    @property
    def is_final(self) -> bool:
        """Whether the credentials were refused, read again, and refused again."""
        return self._strikes >= FINAL_STRIKES

    async def wait_until_passable(self) -> None:
        """Wait until the request that is out alone has come back."""
        while self.is_shut:
            await self._changed.wait()

    def enter(self) -> tuple[int, bool]:
        """One request passes: the generation of credentials that it uses, and whether it goes alone."""
        probe = not self._open
        self._probing = self._probing or probe
        return self.generation, probe

    def proven(self, *, generation: int, probe: bool) -> None:
        """An authenticated answer came. One to older credentials than today's proves nothing."""
        if generation == self.generation:
            self._strikes = 0
            self._open = True
        self.undecided(probe=probe)

    def undecided(self, *, probe: bool) -> None:
        """The request came back without a word on its credentials."""
        if probe:
            self._probing = False
            self._changed.give()

    def refused(self, *, generation: int, probe: bool) -> None:
        """A 401 came. One that used older credentials than today's says nothing new."""
        if generation == self.generation:
            self._strikes += 1
            self._open = False
            self.generation += 1
        self.undecided(probe=probe)
