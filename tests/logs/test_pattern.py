"""RE2's regular expressions: what they match, what is refused, and that no pattern can run away."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kumotasks.logs.automaton import MAX_PLACES, MAX_TEXT, Automaton, Symbol, _State, places
from kumotasks.logs.characters import BadPattern
from kumotasks.logs.pattern import parse_pattern


class Counted(Automaton):
    """An automaton that counts the moves it had to work out."""

    worked_out = 0

    def _move(self, state: _State, symbol: Symbol) -> _State:
        self.worked_out += 1
        return super()._move(state, symbol)


def search(pattern: str, text: str) -> bool:
    return Automaton(parse_pattern(pattern)).search(text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "anything", True),
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^$", "", True),
        ("^$", "a", False),
        ("c$", "abc", True),
        ("c$", "abc\n", False),
        (r"\Aabc\z", "abc", True),
        ("(?m)^b$", "a\nb\nc", True),
        ("^b$", "a\nb\nc", False),
        ("a.c", "a\nc", False),
        ("(?s)a.c", "a\nc", True),
        ("(?i)abc", "xABCx", True),
        ("a(?i)b", "aB", True),
        ("a(?i)b", "AB", False),
        ("(?i:a)b", "AB", False),
        ("(?i)a(?-i)b", "AB", False),
        ("(?i)[^a]", "A", False),
        ("(?i)k", "\N{KELVIN SIGN}", True),
        ("a|b|", "", True),
        ("^(a|bc)+$", "abcbca", True),
        ("^a{2,3}$", "aaaa", False),
        ("^a{2,}$", "aaaa", True),
        ("^a{2}$", "aaa", False),
        ("^a{0}$", "", True),
        ("a{,3}", "a{,3}", True),
        ("^a{x}$", "a{x}", True),
        ("^a*?b+?c??$", "aab", True),
        ("[]a]", "]", True),
        ("[^]a]", "]", False),
        ("[a-c-]", "-", True),
        (r"[\d\-x]", "-", True),
        (r"^[^\D5]+$", "1234", True),
        (r"^[^\D5]+$", "12345", False),
        (r"\bfoo\b", "a foo!", True),
        (r"\bfoo\b", "afoo", False),
        (r"\Boo\b", "foo", True),
        (r"\b", "", False),
        (r"\B", "", True),
        (r"\d\D\s\S\w\W", "1a b_!", True),
        (r"\s", "\v", False),
        (r"\d", "\N{ARABIC-INDIC DIGIT ONE}", False),
        (r"\w", "é", False),
        (r"^\pL\p{Lu}\PL\P{^L}$", "éÉ1é", True),
        ("[[:alpha:]][[:^digit:]]", "aa", True),
        (r"\Qa.b*\E+$", "a.b***", True),
        (r"\Qa.b", "axb", False),
        (r"\x41\x{1F600}\101\t\.", "A\U0001f600A\t.", True),
        ("(?P<name>a)(?<other>b)(?:c)", "abc", True),
        ("((((a))))", "a", True),
        ("(^a|b$)", "xxb", True),
        ("(|a)+b", "b", True),
        ("^(a*)*$", "aaa", True),
        ("foo.*bar|bar.*foo", "a bar of foo", True),
    ],
)
def test_a_pattern_is_found(pattern: str, text: str, expected: bool) -> None:
    assert search(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing )"),
        ("a)", "unexpected )"),
        ("[a", "missing ]"),
        ("[[:nonsense:]]", "invalid character class range: [:nonsense:]"),
        ("[z-a]", "invalid character class range: z-a"),
        ("*a", "no argument for repetition operator: *"),
        ("(|+)", "no argument for repetition operator: +"),
        ("a**", "bad repetition operator: **"),
        ("a+{2}", "bad repetition operator: +{2}"),
        ("a{1001}", "invalid repetition size: {1001}"),
        ("{2}", "no argument for repetition operator: {2}"),
        ("a|{2,}?", "no argument for repetition operator: {2,}?"),
        ("a{3,2}", "invalid repetition size: {3,2}"),
        ("a{99999999999999999999}", "invalid repetition size: {99999999999999999999}"),
        ("\\", "trailing \\"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        (r"\q", r"invalid escape sequence: \q"),
        (r"\x{110000}", r"invalid escape sequence: \x{110000}"),
        ("(?=a)", "invalid perl operator: (?="),
        ("(?!a)", "invalid perl operator: (?!"),
        ("(?<=a)", "invalid perl operator: (?<"),
        ("(?P=a)", "invalid perl operator: (?P"),
        (r"\p{Greek}", r"invalid character class range: \p{Greek}"),
        ("(" * 51 + "a" + ")" * 51, "nested too deeply"),
        ("((a{100}){100}){100}", "pattern too large"),
        ("(((){100}){100}){100}", "pattern too large"),
        ("a" * (MAX_PLACES + 1), "pattern too large"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(BadPattern) as refused:
        Automaton(parse_pattern(pattern))
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "^(a|a)*$", "(a*)*b", ".*.*.*.*.*b", "(a|aa)+$", "(.*a){20}$", "(a?){100}a{100}$", "([a-c]+)*d"],
)
def test_a_catastrophic_pattern_is_linear(pattern: str) -> None:
    """Each character is worked out once: the states met are few, and found again by look-up."""
    automaton = Counted(parse_pattern(pattern))
    assert not automaton.search("a" * MAX_TEXT + "c" + "a")
    assert not automaton.search("a" * 60_000 + "c")
    assert automaton.worked_out < 1_000


def test_a_pattern_with_endless_states_forgets_them() -> None:
    automaton = Counted(parse_pattern("[ab]*a[ab]{15}c"))
    text = "".join(f"{number:016b}" for number in range(2_000)).translate({48: "a", 49: "b"})
    assert not automaton.search(text)
    assert automaton.search(text + "a" + "b" * 15 + "c")
    assert automaton.worked_out > 10_000
    assert sum(len(state.moves) for state in automaton._states.values()) <= 10_000


def test_only_the_head_of_an_endless_text_is_searched() -> None:
    assert search("^a+x", "a" * (MAX_TEXT - 1) + "x")
    assert not search("x", "a" * MAX_TEXT + "x")
    assert not search("a$", "a" * (MAX_TEXT + 1))
    assert not search("(?m)a$", "a" * (MAX_TEXT + 1))
    assert search("(?m)a$", "a" * MAX_TEXT + "\n")


_ATOMS = st.sampled_from(
    ["a", "b", "c", ".", "[ab]", "[^a]", r"\d", r"\W", r"\b", r"\B", "^", r"\Z", "(?:)", "1", "_", r"\n"]
)
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4).map("".join)
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})")
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        )
    ),
    max_leaves=8,
)


@given(_PATTERNS, st.text(alphabet="abc1_ \n", max_size=12), st.sampled_from(["", "(?i)", "(?m)", "(?s)"]))
@example(r"\b(?:)*a", "a", "")
def test_it_agrees_with_the_standard_library_where_both_have_the_syntax(pattern: str, text: str, flags: str) -> None:
    ours = flags + pattern.replace(r"\Z", r"\z")
    theirs = re.compile(flags + pattern, re.ASCII)
    # The standard library finds no \B in an empty text before Python 3.14; RE2 does.
    if text or r"\B" not in pattern:
        assert search(ours, text) is (theirs.search(text) is not None)


@given(st.text(max_size=20) | st.text(alphabet="ab()[]{}|*+?\\^$.-:1,pPQE<>i", max_size=20), st.text(max_size=10))
def test_any_text_is_a_pattern_or_a_refusal(pattern: str, text: str) -> None:
    try:
        tree = parse_pattern(pattern)
        answer: object = Automaton(tree).search(text)
    except BadPattern as refused:
        answer = str(refused)
    else:
        assert places(tree) <= MAX_PLACES
    assert answer in {True, False} or isinstance(answer, str)
