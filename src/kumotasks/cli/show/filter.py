"""The --filter language, as people know it from gcloud: which of the items are shown. Pure but for relative times.

    state=RUNNING AND (name:mail OR rateLimits.maxBurstSize>10) -purgeTime:*

Terms side by side are joined by AND, which binds less than OR; AND and OR written side by side want parentheses. `:`
looks for a part, `=` for the whole, both whatever the case; `~` is a regular expression. A word alone is looked for in
every field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from kumotasks.cli.show.compare import OPERATORS, contains
from kumotasks.cli.show.key import Key, find, read
from kumotasks.cli.show.scan import QUOTES, Scan
from kumotasks.cli.show.transforms import apply

Test = Callable[[object], bool]
_OPERATOR = re.compile(r"[:=!<>~]+")


class Filter:
    """An expression. Raises Failure for what is none."""

    def __init__(self, written: str) -> None:
        self._unseen: dict[str, Key] = {}
        self._scan = Scan(written.strip())
        self._test = self._conjunction() if self._scan.text else _everything
        if self._scan.next:
            raise self._scan.wrong("Unexpected text")

    def holds(self, item: object) -> bool:
        self._unseen = {name: key for name, key in self._unseen.items() if find(item, key.steps) is None}
        return self._test(item)

    @property
    def unseen(self) -> list[str]:
        """The fields that no item so far had."""
        return list(self._unseen)

    def _conjunction(self) -> Test:
        """Chains side by side."""
        tests = [self._chain()]
        while self._more():
            tests.append(self._chain())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _chain(self) -> Test:
        """Terms joined by AND, or by OR: not by both."""
        tests, joint = [self._negated()], ""
        while word := self._word("AND", "OR"):
            if joint not in ("", word):
                raise self._scan.wrong("Parenthesis grouping is required when AND and OR are combined")
            joint = word
            tests.append(self._negated())
        if joint == "OR":
            return lambda item: any(test(item) for test in tests)
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _negated(self) -> Test:
        if self._word("NOT"):
            test = self._negated()
            return lambda item: not test(item)
        self._scan.skip_space()
        if not self._scan.next or self._scan.next == ")":
            raise self._scan.wrong("Term expected")
        if self._scan.take("-"):
            test = self._negated()
            return lambda item: not test(item)
        if self._scan.take("("):
            test = self._conjunction()
            self._scan.need(")")
            return test
        return self._term()

    def _term(self) -> Test:
        scan = self._scan
        start = scan.at
        word = scan.quoted() if scan.next in QUOTES else ""
        if not word:
            key = read(scan)
            scan.skip_space()
            if found := _OPERATOR.match(scan.text, scan.at):
                return self._compared(key, found[0])
            word = scan.text[start : scan.at].strip()
        if scan.at == start:
            raise scan.wrong("Term expected")
        return lambda item: any(contains(leaf, word) for leaf in _leaves(item))

    def _compared(self, key: Key, operator: str) -> Test:
        scan = self._scan
        if operator not in OPERATORS:
            raise scan.wrong("Malformed operator")
        scan.at += len(operator)
        operands = self._operands(listed=operator in (":", "=", "!="))
        compare = OPERATORS[operator]
        for operand in operands:
            compare(None, operand)  # a pattern that is none is said at once
        if key.steps:
            self._unseen[key.dotted] = key

        def test(item: object) -> bool:
            value = apply(find(item, key.steps), key.calls, {})
            found = (compare(value, operand) for operand in operands)
            return all(found) if operator.startswith("!") else any(found)

        return test

    def _operands(self, *, listed: bool) -> list[str]:
        """What stands after an operator: a word, or several in parentheses."""
        scan = self._scan
        scan.skip_space()
        if not (listed and scan.take("(")):
            return [self._operand(" \t\n()")]
        found: list[str] = []
        while True:
            while scan.next.isspace() or (scan.next and scan.next == ","):
                scan.at += 1
            if scan.take(")"):
                return found
            if not self._word("OR"):
                found.append(self._operand(" \t\n(),"))

    def _operand(self, stops: str) -> str:
        scan = self._scan
        if scan.next and scan.next in QUOTES:
            return scan.quoted()
        found = scan.until(stops)
        if not found:
            raise scan.wrong("Term operand expected" if scan.next != ")" else "More tokens expected")
        return found

    def _more(self) -> bool:
        self._scan.skip_space()
        return self._scan.next not in ("", ")")

    def _word(self, *words: str) -> str:
        """One of these, if it comes next; it is passed then."""
        self._scan.skip_space()
        for word in words:
            after = self._scan.text[self._scan.at + len(word) : self._scan.at + len(word) + 1]
            if self._scan.text.startswith(word, self._scan.at) and (not after or after.isspace() or after == "("):
                self._scan.at += len(word)
                return word
        return ""


def _everything(item: object) -> bool:
    return True


def _leaves(value: object) -> Iterator[object]:
    match value:
        case dict():
            for each in value.values():
                yield from _leaves(each)
        case list():
            for each in value:
                yield from _leaves(each)
        case _:
            yield value
