"""``Pacer``: the rate of calls, from throttles and latency alone. No thread, clock or I/O."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from typing import Final

_FIRST_RISE: Final = 0.3  # growth of the rate in a round trip, until the first throttle
_RISE: Final = 0.1  # the same, where a capacity that was found has risen
_SHORT: Final = 16  # calls to the first probe after a change
_SHORTEST: Final = 4  # where throttles come early again and again
_VAIN: Final = 3  # rises without a higher capacity, after which it is guessed higher
_LONG: Final = 80  # calls between probes of a capacity that holds: one throttle in 80
_SURE: Final = 1.4  # successful calls beyond the believed capacity: it must have risen
_BURST: Final = 1.0  # seconds' calls that a service is believed to allow at once
_LOWEST: Final = 1.0  # calls a second
_PAUSE: Final = 1.5  # gaps to leave after a throttle
_BLUR: Final = 0.15  # seconds; over less, small delays on the way would count for too much
_MEMORY: Final = 1024  # past calls that are remembered
_PATIENT: Final = 0.05  # seconds of calls that may be made up for after a hitch


class Pacer:
    """Finds the rate that a service with a token bucket allows, and follows it.

    Until the first throttle the rate grows by three tenths in each round trip. Right after a
    throttle the bucket is empty. So the calls that go well between two throttles, divided by the
    time between them, are the capacity, to about one call. The rate then rises above it,
    slowly at first, so that the next throttle comes ``_LONG`` calls later. If none comes, the
    capacity has risen, and the rate grows by a tenth in each round trip until one comes. An early
    throttle means that the capacity fell. The number of calls under way follows from rate and
    latency (Little's law).

    All times are seconds of one clock, which the caller reads.
    """

    def __init__(self, *, most: int = 64) -> None:
        self.most = most
        self.in_flight = 0
        self._rate = 0.0  # calls a second; 0 until the latency is known from the first answer
        self._believed = _LOWEST
        self._rising = True
        self._probe = _SHORT
        self._latency = 0.0
        self._least = math.inf
        self._next = -math.inf
        self._cut = -math.inf
        self._empty = -math.inf  # when the bucket was last known to be empty
        self._good = 0  # calls sent after that and answered
        self._vain = 0  # rises in a row that found nothing
        self._sent: deque[float] = deque(maxlen=_MEMORY)
        self._throttles: deque[float] = deque(maxlen=8)
        self._marks: deque[float] = deque(maxlen=4)  # throttles between which the capacity held

    @property
    def rate(self) -> float:
        """Calls a second at present."""
        return self._rate

    @property
    def room(self) -> int:
        """How many more calls may be under way."""
        if not self._rate:
            return min(1, self.most) - self.in_flight
        wanted = math.ceil(2 * self._rate * max(self._latency, self._least)) + 3
        return min(self.most, wanted) - self.in_flight

    def delay(self, now: float) -> float:
        """Seconds until the next call may be made; infinite until one of those under way ends."""
        if self.room <= 0:
            return math.inf
        return max(0.0, self._next - now)

    def sent(self, now: float) -> None:
        """A call is made."""
        self.in_flight += 1
        self._sent.append(now)
        if not self._rate:
            return
        gap = 1 / self._rate
        starved = now - self._next > max(2 * gap, _PATIENT)
        if self._rising and not starved:
            rise = _FIRST_RISE if self._empty == -math.inf else _RISE
            growth = max(0.25, rise / self._least) * gap  # also where calls are made up for
            self._rate *= math.exp(min(0.25, growth))
            self._rate = min(self._rate, 2 * self.most / self._least)
        self._next = max(self._next, now - _PATIENT) + gap

    def answered(self, sent_at: float, now: float) -> None:
        """A call was answered: by a diagnosis, or by an error other than a throttle."""
        self.in_flight -= 1
        self._learn(now - sent_at)
        if not self._rate:
            self._rate, self._next = 1 / self._least, now
        if sent_at > self._empty:
            self._good += 1
        if not self._rising:
            self._go_on()

    def faulted(self) -> None:
        """A call failed for another reason; that does not depend on the capacity."""
        self.in_flight -= 1

    def throttled(self, sent_at: float, now: float, *, retry_after: float = 0.0) -> None:
        """A call was refused for coming too fast.

        Args:
            sent_at: when it was made.
            now: when it was refused.
            retry_after: seconds that the service asks to wait for.
        """
        self.in_flight -= 1
        if not self._rate:
            self._learn(now - sent_at)
            self._rate = 1 / self._least
        if sent_at in self._sent:
            self._sent.remove(sent_at)
        if sent_at > self._cut:  # else it was sent before the last change of the rate
            self._believed = max(_LOWEST, self._found(sent_at))
            self._rising, self._rate, self._cut = False, self._believed, now
            self._marks.append(sent_at)
        self._throttles.append(sent_at)
        if sent_at > self._empty:
            self._empty, self._good = sent_at, 0
        # Whatever is under way finds the bucket empty, too: the next call comes after all of it.
        last = self._sent[-1] if self._sent else now
        self._next = max(self._next, last + _PAUSE / self._rate, now + retry_after)

    def _found(self, sent_at: float) -> float:
        """The capacity, by what went well until a throttle."""
        before = self._believed
        good, seconds = self._since(self._empty, sent_at)
        if self._rising and self._rate > 1.5 * before:
            steady = good / seconds if self._empty > -math.inf else 0.0
            found = max(before, min(self._rate, max(steady, self._sustained(sent_at))))
            return self._risen(found)
        if (ceiling := self._ceiling(sent_at)) < 0.9 * before:
            self._begin()
            return max(before / 2, ceiling)
        if seconds > _BLUR and (good - 1) / seconds > 1.1 * before:
            self._begin()
            return min(self._rate, good / seconds)
        self._vain = 0
        early = good < self._probe / 2
        self._probe = max(_SHORTEST, self._probe // 2) if early else min(_LONG, 2 * self._probe)
        good, seconds = self._since(self._marks[0] if self._marks else self._empty, sent_at)
        return good / seconds if good >= _SHORTEST and seconds > _BLUR else 0.8 * before

    def _risen(self, found: float) -> float:
        """The capacity after a rise."""
        before = self._believed
        if found > 1.1 * before:
            self._begin()
            return found
        self._vain += 1
        if self._vain < _VAIN:
            self._probe = min(_LONG, 2 * self._probe)
            return found
        self._begin()  # a small bucket ran over; too high a guess soon meets what measures it
        return math.sqrt(before * self._rate)

    def _ceiling(self, sent_at: float) -> float:
        """What the capacity cannot exceed, by the calls that went well since earlier throttles."""
        stretches = (self._since(at, sent_at) for at in self._throttles if at < sent_at - _BLUR)
        return min(((good + 1) / seconds for good, seconds in stretches), default=math.inf)

    def _begin(self) -> None:
        """What is known of the capacity no longer holds."""
        self._probe = _SHORT
        self._marks.clear()

    def _since(self, mark: float, until: float) -> tuple[int, float]:
        """How many calls went well in a stretch, and how many seconds that was."""
        mark = max(mark, self._sent[0] if self._sent else until)
        times = list(self._sent)
        good = bisect_right(times, until) - bisect_right(times, mark)
        return good, max(1e-3, until - mark)

    def _go_on(self) -> None:
        """The rate above the believed capacity, by how many calls went well since a throttle."""
        share = self._good / self._probe
        self._rate = self._believed * (1 + min(0.25, 4 * share**3 / self._probe))
        self._rising = share**4 > _SURE
        if self._rising:  # the bucket may run over from here on: no bound from before holds
            self._throttles.clear()

    def _sustained(self, until: float) -> float:
        """The largest rate over any stretch up to now, less the burst that was allowed on top."""
        times = [at for at in self._sent if self._empty < at <= until]
        counted = range(1, len(times) + 1)
        return max((n / (until - times[-n] + _BURST) for n in counted), default=_LOWEST)

    def _learn(self, seconds: float) -> None:
        seconds = max(0.002, seconds)
        self._least = min(seconds, self._least * 1.001)
        self._latency += (min(seconds, 4 * (self._latency or seconds)) - self._latency) / 8
        self._latency = max(self._latency, self._least)
