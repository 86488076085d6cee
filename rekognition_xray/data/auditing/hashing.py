"""The hash step: proposes pairs of images that may show one picture, in near-linear time.

An image is described by the low cosine frequencies of its thumbnail, and also by those of 81
windows of it, as they would look cropped. Descriptions are whitened, since what all chest images
share carries no information. Their signs are the keys of several hash tables. Images that meet in
a table, and whose descriptions are alike, are proposed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import attrs
import numpy as np

from rekognition_xray._workers import thread_pool
from rekognition_xray.data.auditing.looks import SIDE

LIKENESS: Final = 0.7
"""Cosine of two whitened descriptions from which a pair is proposed."""

_CUTS: Final = (0.0, 0.04, 0.08)  # of each side; what lies between is near enough to one of them
_SPANS: Final = tuple((start, 1 - start - end) for start in _CUTS for end in _CUTS)
_FREQUENCIES: Final = 10
_PRIOR: Final = 30  # images that would have to be seen before their mean counts as much as none
_TABLES: Final = 16
_FIRMEST: Final = 48  # components with the most variance, whose signs noise turns least
_DOUBTS: Final = 3  # least certain signs of a key that are also tried turned
_BUCKET: Final = 32  # most images taken from one bucket: many copies of one image stay linear
_MOST: Final = 24  # most proposals for one image
_CHUNK: Final = 32
_PLACES: Final = np.int32(31)  # places of the bits of a key, of which there are at most 24
_CERTAIN: Final = np.iinfo(np.int32).max

Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Integers: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.integer[Any]]]


@attrs.frozen
class Window:
    """A part of a picture, in shares of its height and width."""

    top: float
    height: float
    left: float
    width: float


@attrs.frozen
class Proposal:
    """One image may be the window of the other.

    Attributes:
        part: index of the image that may be cropped.
        whole: index of the other image.
        window: where in the whole the part would lie.
        likeness: cosine of their descriptions.
    """

    part: int
    whole: int
    window: Window
    likeness: float


WINDOWS: Final = tuple(
    Window(top, height, left, width) for top, height in _SPANS for left, width in _SPANS
)


def propose_pairs(thumbs: Sequence[bytes]) -> list[Proposal]:
    """Pairs of images that may show one picture, each once, by index, the likeliest direction.

    Args:
        thumbs: SIDE x SIDE equalised grey pixels of each image.
    """
    if len(thumbs) < 2:
        return []
    starts = range(0, len(thumbs), _CHUNK)
    whole = np.concatenate(
        [_describe(_pictures(thumbs, start), cropped=False)[:, 0] for start in starts]
    )
    whiten = _Whitening.of(whole)
    index = _Index.of(whiten(whole))
    best: dict[tuple[int, int], Proposal] = {}

    def near(start: int) -> list[Proposal]:
        return index.near(start, whiten(_describe(_pictures(thumbs, start), cropped=True)))

    with thread_pool() as pool:
        for found in chain.from_iterable(pool.map(near, starts)):
            pair = (min(found.part, found.whole), max(found.part, found.whole))
            if pair not in best or best[pair].likeness < found.likeness:
                best[pair] = found
    return [best[pair] for pair in sorted(best)]


def _pictures(thumbs: Sequence[bytes], start: int) -> Floats:
    chunk = b"".join(thumbs[start : start + _CHUNK])
    return np.frombuffer(chunk, dtype=np.uint8).reshape(-1, SIDE, SIDE).astype(np.float32)


def _cosines(start: float, length: float) -> Floats:
    """Frequencies x SIDE: cosines over one span of an axis, each pixel weighted by its cover."""
    edges = np.arange(SIDE + 1) / SIDE
    low, high = np.maximum(edges[:-1], start), np.minimum(edges[1:], start + length)
    cover = np.clip(high - low, 0, None) / length
    place = ((low + high) / 2 - start) / length
    waves = np.cos(np.pi * np.arange(_FREQUENCIES)[:, None] * place)
    return np.asarray(waves * cover, dtype=np.float32)


_COSINES: Final = np.concatenate([_cosines(*span) for span in _SPANS])
_WAVE: Final = np.hypot(*np.indices((_FREQUENCIES, _FREQUENCIES)))
_KEPT: Final = (_WAVE >= 1) & (_WAVE < _FREQUENCIES)  # without the mean
_RAISED: Final = _WAVE[_KEPT].astype(np.float32)  # images have the less power the finer the detail


def _describe(pictures: Floats, *, cropped: bool) -> Floats:
    """Images x windows x frequencies, each of length 1; the first window is the whole image."""
    spans = _COSINES if cropped else _COSINES[:_FREQUENCIES]
    count = len(spans) // _FREQUENCIES
    waves = spans @ pictures @ spans.T
    split = waves.reshape(len(pictures), count, _FREQUENCIES, count, _FREQUENCIES)
    kept = split.transpose(0, 1, 3, 2, 4)[..., _KEPT] * _RAISED
    return _unit(kept.reshape(len(pictures), count * count, -1).astype(np.float32, copy=False))


def _unit(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


@attrs.frozen
class _Whitening:
    """What all images have in common is taken away; what is left counts alike in all directions."""

    mean: Floats
    turn: Floats

    @classmethod
    def of(cls, described: Floats) -> _Whitening:
        images, length = described.shape
        mean = described.sum(axis=0) / (images + _PRIOR)
        rest = described - mean
        spread = (rest.T @ rest + _PRIOR / length * np.eye(length)) / (images + _PRIOR)
        power, axes = np.linalg.eigh(spread)
        turn = axes[:, ::-1] / np.sqrt(power[::-1])
        return cls(np.asarray(mean, dtype=np.float32), np.asarray(turn, dtype=np.float32))

    def __call__(self, described: Floats) -> Floats:
        rest: Floats = described - self.mean
        return _unit(rest @ self.turn)


@attrs.frozen
class _Signs:
    """Signs of the firmest components of some descriptions, and how certain they are.

    Components come first and descriptions last, so that numpy works along the long axis.

    Attributes:
        bits: components x descriptions, 1 where a component is positive.
        certainty: components x descriptions: the size of each component. These are bits of floating
            point, which sort as their numbers do, and the lowest of which make room for a place.
    """

    bits: Floats
    certainty: Integers

    @classmethod
    def of(cls, described: Floats) -> _Signs:
        firm = np.ascontiguousarray(described[:, :_FIRMEST].T)
        return cls((firm > 0).astype(np.float32), np.abs(firm).view(np.int32) & ~_PLACES)

    def keys(self, components: Integers) -> Integers:
        """The bits of these components as one number, for each description."""
        worth = np.exp2(np.arange(len(components), dtype=np.float32))
        return np.asarray(worth @ self.bits[components]).astype(np.int32)

    def doubtful_keys(self, components: Integers) -> Integers:
        """Ways x descriptions: keys with their least certain bits turned, in each way."""
        keys = self.keys(components)[None]
        sorted_by = self.certainty[components] | np.arange(len(components), dtype=np.int32)[:, None]
        for _ in range(_DOUBTS):
            least = sorted_by.min(axis=0)
            keys = np.concatenate([keys, keys ^ (1 << (least & _PLACES))])
            sorted_by[sorted_by == least] = _CERTAIN
        return keys


@attrs.frozen
class _Table:
    """Images by the signs of some components, bucket after bucket.

    Attributes:
        components: whose signs are the bits of a key.
        images: images in the order of their keys.
        starts: where each key's bucket begins among them, and the end of the last one.
    """

    components: Integers
    images: Integers
    starts: Integers

    @classmethod
    def of(cls, signs: _Signs, components: Integers) -> _Table:
        keys = signs.keys(components)
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange((1 << len(components)) + 1))
        return cls(components, order, starts.astype(np.int32))

    def meet(self, signs: _Signs) -> tuple[Integers, Integers]:
        """Descriptions with an image in their buckets, also with doubtful signs turned."""
        keys = signs.doubtful_keys(self.components)
        first = self.starts.take(keys.ravel())
        count = np.minimum(self.starts.take(keys.ravel() + 1) - first, _BUCKET)
        hit = np.flatnonzero(count)
        count, first = count[hit], first[hit]
        steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        met: Integers = self.images[np.repeat(first, count) + steps]
        return np.repeat(hit % keys.shape[1], count), met


@attrs.frozen
class _Index:
    images: Floats
    tables: tuple[_Table, ...]

    @classmethod
    def of(cls, images: Floats) -> _Index:
        """Keys grow with the number of images, so that a bucket stays small."""
        bits = min(math.ceil(math.log2(len(images))) + 2, _FIRMEST // 2)
        dice = np.random.default_rng(0)
        picks = [np.sort(dice.choice(_FIRMEST, bits, replace=False)) for _ in range(_TABLES)]
        signs = _Signs.of(images)
        return cls(images, tuple(_Table.of(signs, pick) for pick in picks))

    def near(self, start: int, described: Floats) -> list[Proposal]:
        """Images that may be a window of one of some images, those from `start` on."""
        met = self._met(described)
        found: list[Proposal] = []
        for place, windows in enumerate(described):
            met[place, start + place] = False
            found += self._likely(start + place, windows, np.flatnonzero(met[place]))
        return found

    def _met(self, described: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Described images x images: whether they meet in a table."""
        images, count, length = described.shape
        met = np.zeros((images, len(self.images)), dtype=np.bool_)
        signs = _Signs.of(described.reshape(images * count, length))
        for table in self.tables:
            windows, found = table.meet(signs)
            met[windows // count, found] = True
        return met

    def _likely(self, whole: int, windows: Floats, met: Integers) -> Iterator[Proposal]:
        likeness = windows @ self.images[met].T
        best = likeness.max(axis=0, initial=-1)
        likely = np.flatnonzero(best >= LIKENESS)
        for place in likely[np.argsort(-best[likely], kind="stable")[:_MOST]]:
            window = WINDOWS[likeness[:, place].argmax()]
            yield Proposal(int(met[place]), whole, window, float(best[place]))
