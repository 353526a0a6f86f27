"""Searching a text for a pattern in linear time, as RE2 does: all ways through the pattern at once, no backtracking.

A set of places in the pattern is an int with a bit for each; the sets that come up are remembered with where each
character leads (a lazily built deterministic automaton), and forgotten when they grow too many. The pattern's text and
syntax are unknown here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from kumotasks.logs.characters import BadPattern
from kumotasks.logs.charset import CharSet
from kumotasks.logs.pattern import Assertion, Choice, Gap, One, Repeat, Sequence, Tree

MAX_PLACES = 500  # characters and branches of a pattern, counted repetitions written out
MAX_TEXT = 64 * 1024  # characters of a text that are searched
_MAX_MOVES = 10_000
_MAX_CHARACTERS = 4_096
_MATCH = 1  # the bit of the place behind the whole pattern
_ON_LINES = Gap.LINE_BEGIN | Gap.LINE_END | Gap.WORD_EDGE | Gap.WORD_INSIDE

Symbol = str | tuple[str, int]  # a character, and what holds in the gap behind it where that is not nothing


def places(tree: Tree) -> int:
    """How many places the automaton of a pattern has, at most."""
    match tree:
        case Sequence(parts) | Choice(parts):
            return 1 + sum(map(places, parts))
        case Repeat(part, least, most):
            return 1 + places(part) * max(least + 1 if most is None else most, 1)
        case _:
            return 1


class _State:
    """A set of places the search may be at, and the states that characters lead on to."""

    __slots__ = ("active", "matched", "moves")

    def __init__(self, active: int) -> None:
        self.active = active
        self.matched = bool(active & _MATCH)
        self.moves: dict[Symbol, _State] = {}


class Automaton:
    """Finds whether a pattern occurs in a text."""

    def __init__(self, tree: Tree) -> None:
        if places(tree) > MAX_PLACES:
            raise BadPattern("pattern too large")
        self._graph = _Graph()
        self._entry = self._graph.lay(tree, self._graph.end)
        self._behind: dict[int, list[dict[int, int]]] = {}
        self._accepting: dict[str, int] = {}
        self._states: dict[int, _State] = {}
        self._moves = 0

    def search(self, text: str) -> bool:
        """Whether it occurs; of a longer text only the first MAX_TEXT characters are looked at, and no end is seen."""
        text, beyond = text[:MAX_TEXT], text[MAX_TEXT : MAX_TEXT + 1]
        state = self._state(self._graph.reach(self._entry, self._gap("", text[:1])))
        for symbol in self._symbols(text, beyond):
            if state.matched:
                return True
            following = state.moves.get(symbol)
            state = self._move(state, symbol) if following is None else following
        return state.matched

    def _symbols(self, text: str, beyond: str) -> Iterable[Symbol]:
        """The text's characters with their gaps, as cheaply as the pattern's assertions allow."""
        used = self._graph.asserted
        if used & _ON_LINES:
            pairs = zip(text, chain(text[1:], [beyond]), strict=False)
            return ((before, self._gap(before, after)) for before, after in pairs)
        if used & Gap.TEXT_END and text and not beyond:
            return chain(text[:-1], [(text[-1], int(Gap.TEXT_END))])
        return text

    def _gap(self, before: str, after: str) -> int:
        """What the pattern may assert of the gap between two characters, "" where the text begins or ends."""
        held = Gap.WORD_EDGE if _is_word(before) != _is_word(after) else Gap.WORD_INSIDE
        if before in {"", "\n"}:
            held |= Gap.LINE_BEGIN
        if after in {"", "\n"}:
            held |= Gap.LINE_END
        if not before:
            held |= Gap.TEXT_BEGIN
        if not after:
            held |= Gap.TEXT_END
        return int(held & self._graph.asserted)

    def _state(self, active: int) -> _State:
        state = self._states.get(active)
        if state is None:
            state = self._states[active] = _State(active)
        return state

    def _move(self, state: _State, symbol: Symbol) -> _State:
        """The state behind `symbol`, worked out and remembered."""
        if self._moves >= _MAX_MOVES:
            self._states.clear()
            self._moves = 0
        character, gap = (symbol, 0) if isinstance(symbol, str) else symbol
        taken = state.active & self._accepts(character)
        following = self._state(self._follow(taken, gap) | self._graph.reach(self._entry, gap))
        state.moves[symbol] = following
        self._moves += 1
        return following

    def _accepts(self, character: str) -> int:
        """The places that take this character."""
        mask = self._accepting.get(character)
        if mask is None:
            if len(self._accepting) >= _MAX_CHARACTERS:
                self._accepting.clear()
            mask = sum(bits for charset, bits in self._graph.takers.items() if character in charset)
            self._accepting[character] = mask
        return mask

    def _follow(self, taken: int, gap: int) -> int:
        """The places behind those in `taken`: by one shift where it can be, else eight of them at a time."""
        behind = (taken & self._graph.shifting) >> 1
        taken &= ~self._graph.shifting
        if not taken:
            return behind
        chunks = taken.to_bytes((taken.bit_length() + 7) // 8, "little")
        tables = self._behind.get(gap)
        if tables is None:
            tables = self._behind[gap] = [{0: 0} for _ in range(MAX_PLACES // 8 + 1)]
        for index, (bits, table) in enumerate(zip(chunks, tables, strict=False)):
            known = table.get(bits)
            if known is None:
                known = table[bits] = self._graph.behind(index * 8, bits, gap)
            behind |= known
        return behind


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


class _Graph:
    """The pattern as nodes: each takes a character, asserts a gap or branches, and says which nodes come behind it."""

    def __init__(self) -> None:
        self.behind_node: list[tuple[int, ...]] = [()]
        self.assertion: list[Gap | None] = [None]
        self.place: list[int] = [_MATCH]  # a bit for a node that takes a character, 0 for one that takes none
        self.node_of: list[int] = [0]  # by the number of the bit
        self.takers: dict[CharSet, int] = {}
        self.shifting = 0  # the places with nothing behind them but the place one bit lower
        self.asserted = Gap(0)
        self.end = 0
        self._reached: dict[tuple[int, int], int] = {}

    def _node(self, behind: tuple[int, ...], *, assertion: Gap | None = None, place: int = 0) -> int:
        self.behind_node.append(behind)
        self.assertion.append(assertion)
        self.place.append(place)
        return len(self.behind_node) - 1

    def lay(self, tree: Tree, behind: int) -> int:
        """The node at which `tree` is entered, once the node behind it is known."""
        match tree:
            case One(charset):
                return self._taker(charset, behind)
            case Assertion(gap):
                self.asserted |= gap
                return self._node((behind,), assertion=gap)
            case Sequence(parts):
                for part in reversed(parts):
                    behind = self.lay(part, behind)
                return behind
            case Choice(parts):
                return self._node(tuple(self.lay(part, behind) for part in parts))
            case Repeat():
                return self._loop(tree, behind)

    def _taker(self, charset: CharSet, behind: int) -> int:
        bit = 1 << len(self.node_of)
        self.takers[charset] = self.takers.get(charset, 0) | bit
        if self.place[behind] == bit >> 1:
            self.shifting |= bit
        node = self._node((behind,), place=bit)
        self.node_of.append(node)
        return node

    def _loop(self, tree: Repeat, behind: int) -> int:
        if tree.most is None:
            loop = self._node(())
            self.behind_node[loop] = (self.lay(tree.part, loop), behind)
            behind = loop
        for _ in range(tree.least, tree.most or 0):
            behind = self._node((self.lay(tree.part, behind), behind))
        for _ in range(tree.least):
            behind = self.lay(tree.part, behind)
        return behind

    def behind(self, first: int, bits: int, gap: int) -> int:
        """The places behind up to eight of them: those of `bits`, counted from the place `first`."""
        nodes = [self.node_of[first + offset] for offset in range(8) if bits >> offset & 1]
        mask = 0
        for node in nodes:
            for behind in self.behind_node[node]:
                mask |= self.reach(behind, gap)
        return mask

    def reach(self, node: int, gap: int) -> int:
        """The places to be at from `node` without taking a character, where `gap` holds."""
        known = self._reached.get((node, gap))
        if known is None:
            known = self._reached[node, gap] = self._spread(node, gap)
        return known

    def _spread(self, start: int, gap: int) -> int:
        mask, waiting, seen = 0, [start], {start}
        while waiting:
            node = waiting.pop()
            asserted = self.assertion[node]
            if asserted is not None and not asserted & gap:
                continue
            mask |= self.place[node]
            if self.place[node] == 0:
                new = [behind for behind in self.behind_node[node] if behind not in seen]
                seen.update(new)
                waiting.extend(new)
        return mask
