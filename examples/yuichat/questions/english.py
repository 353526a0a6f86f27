"""Questions in English: a clause is turned round as grammar asks, with the piece asked for taken out of it.

It must never know which questions are chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from examples.yuichat.questions.draft import Draft, Kind
from examples.yuichat.questions.english_clause import COPULAS, DETERMINERS, PREPOSITIONS, Clause, clause_of
from examples.yuichat.questions.english_verbs import PARTICIPLES, Form

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
NUMBER = (
    r"(?:\d[\d,.]*|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|"
    r"million|half|quarter|a hundred|a dozen)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine|hundred|"
    r"thousand|million|billion))*)(?: million| billion| thousand)?"
)
ABOUT = (
    r"(?:about |almost |nearly |around |over |at least |at most |up to |only |more than |less than |just |between )?"
)
AMOUNT = rf"{ABOUT}{NUMBER}(?: (?:to|and) {NUMBER})?"
UNITS = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
TIME = re.compile(
    rf"\b((?:in|since|until|by) (?:the (?:spring|summer|autumn|winter) of )?\d{{4}}|"
    rf"(?:in|by|until|since) (?:the end of |late |early )?(?:{MONTHS})(?: \d{{4}})?|"
    rf"on (?:the )?(?:\d{{1,2}} (?:{MONTHS})(?: \d{{4}})?|(?:{MONTHS}) \d{{1,2}}(?:, \d{{4}})?|"
    rf"(?:first |last )?(?:{DAYS}))|"
    rf"between (?:\d{{4}}|{MONTHS}) and (?:\d{{4}}|{MONTHS})|at \d{{1,2}}:\d\d|"
    rf"(?:from|at) [\w ]+ in the (?:morning|afternoon|evening)"
    rf"(?: (?:to|until) [\w ]+ in the (?:morning|afternoon|evening))?)$"
)
PLACE = re.compile(
    r"\b((?:in|at|on|near) (?:the )?(?:(?!January|February|March|April|May|June|July|August|September|October|November|"
    r"December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)[A-Z][\w'-]+(?: (?:of )?[A-Z][\w'-]+)*|"
    r"(?:\w+ ){0,2}(?:basement|cellar|garden|refrigerator|garage|kitchen|library|museum|harbour|office|laboratory|"
    r"trench|"
    r"tower|coast|spout|canteen|station|village|town|city|balancer))"
    r"(?: (?:of|at|in) (?:the )?[A-Z]\w+)?)(?= |$)"
)
PERSON = re.compile(
    r"\b(?:keepers?|engineers?|officers?|managers?|director|mayor|teacher|baker|bakers?|clockmaker|council|"
    r"innkeeper|doctor|farmers|fishermen|foresters|climatologists|students?|employees?|colleagues?|team|"
    r"customers|visitors|scientists|researchers|inspectors|surveyors|people|children|crew|cook|mechanic|"
    r"company|founder|author|president|king|queen|captain|committee|staff|workers?)$",
    re.IGNORECASE,
)
NAME = re.compile(r"^(?!The |A )(?:[A-Z][\w'-]+ ){1,2}[A-Z][\w'-]+$")
PLACES = re.compile(
    r"\b(?:Bay|Point|Strait|Sea|River|Lake|Mount|World|War|Station|Court|University|Bridge|Forest|Line|"
    r"Instruments|\w*\d\w*)\b"
)
_EMPTY = """
result idea reason view case way thing part rest sum number fact problem question example
"""
EMPTY = frozenset(_EMPTY.split())
AGENT = re.compile(
    r"\bby ((?:the |a |an )?[\w'-]+(?: (?!in\b|on\b|at\b|from\b|with\b|for\b|and\b|to\b|before\b)[\w'-]+){0,4}"
    r"(?: of (?:the )?[\w'-]+(?: [A-Z]\w+)*)?)(?=$| in | on | at | from | with | for | before )"
)
_STOP = """
a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it its
may more most must no nor not of on only or our own said she should so some such than that the their them then there
these they this those through to too up us very was we were what when where which while who why will with would you
your about after all also because before both each
"""
STOP = frozenset(_STOP.split())
WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
MAX_QUESTION = 22  # words


def terms(sentence: str) -> list[str]:
    return [word for found in WORD.findall(sentence) if (word := found.lower()) not in STOP]


def ask(sentence: str) -> Iterator[Draft]:
    clause = clause_of(sentence)
    if clause is None:
        return
    for way in WAYS:
        yield from (draft for draft in way(clause) if _short(draft.text) and not _leans(draft.text))


def _short(text: str) -> bool:
    return len(text.split()) <= MAX_QUESTION


def _leans(text: str) -> bool:
    """Whether a pronoun stands in it for something the question does not name."""
    return (
        re.search(
            r"\b(?:it|they|this|these|those|she|he|we|you|I|us|me|our|my|your|her|his|him|them|"
            r"do so|here|there|another|then)\b",
            text,
        )
        is not None
    )


def _sentence(text: str) -> str:
    words = re.sub(r"\s+", " ", text).strip(" ,")
    return f"{words[0].upper()}{words[1:]}?"


def _lower(subject: str) -> str:
    """A subject within a question: its article loses the capital, a name does not."""
    first, _, rest = subject.partition(" ")
    name = first[0].isupper() and (first[1:] != first[1:].lower() or rest[:1].isupper())
    ordinary = first.lower() in DETERMINERS or (bool(rest) and not name) or first.endswith(("s", "ing"))
    return f"{first[0].lower()}{first[1:]} {rest}".strip() if ordinary else subject


def _turned(clause: Clause, rest: str) -> str:
    """Of "was the tower built in 1847", "did the keepers grow potatoes": the clause behind a question word."""
    subject = _lower(clause.subject)
    if clause.lexical is None:
        return f"{clause.verb} {subject} {rest}{clause.tail}"
    return f"{clause.lexical.form.value} {subject} {clause.lexical.base} {rest}{clause.tail}"


def _without(rest: str, match: re.Match[str]) -> str:
    return f"{rest[: match.start()]} {rest[match.end() :]}"


def _why(clause: Clause) -> Iterator[Draft]:
    if clause.reason:
        yield Draft(_sentence(f"why {_turned(clause, clause.first)}"), clause.reason, Kind.REASON)


def _meaning(clause: Clause) -> Iterator[Draft]:
    """Of "The Hearth K2 is an electric kettle …": what is it?"""
    article = clause.rest.split(" ", 1)[0].lower()
    if (
        clause.lexical
        or clause.verb not in COPULAS
        or clause.lead
        or clause.subject.split()[-1] in EMPTY
        or article not in {"a", "an", "the"}
    ):
        return
    word = "who" if NAME.match(clause.subject) and not PLACES.search(clause.subject) else "what"
    yield Draft(_sentence(f"{word} {clause.verb} {_lower(clause.subject)}"), clause.rest, Kind.MEANING)


def _time(clause: Clause) -> Iterator[Draft]:
    if match := TIME.search(clause.first):
        word = (
            "until when" if match[1].startswith("until") else "since when" if match[1].startswith("since") else "when"
        )
        yield Draft(
            _sentence(f"{word} {_turned(clause, _open_ended(clause.first[: match.start()]))}"), match[1], Kind.TIME
        )
    elif TIME.search(clause.lead[:1].lower() + clause.lead[1:]) and clause.first:
        bare = Clause("", clause.subject, clause.verb, clause.lexical, clause.first, "")
        yield Draft(_sentence(f"when {_turned(bare, clause.first)}"), clause.lead, Kind.TIME)


def _open_ended(rest: str) -> str:
    return rest.strip().removesuffix(" only").removesuffix(" again").rstrip(",")


def _place(clause: Clause) -> Iterator[Draft]:
    match = PLACE.search(clause.first)
    placed = clause.lexical is None or clause.lexical.base in {"live", "meet", "stand", "grow", "lie", "die", "hide"}
    if match and placed and (clause.verb not in COPULAS or match.start() == 0 or _passive(clause)):
        rest = (
            TIME.sub("", _without(clause.first, match))
            if match.end() < len(clause.first)
            else _without(clause.first, match)
        )
        yield Draft(_sentence(f"where {_turned(clause, rest)}"), match[1], Kind.PLACE)


def _passive(clause: Clause) -> bool:
    return any(word in PARTICIPLES for word in clause.first.split()[:2])


def _agent(clause: Clause) -> Iterator[Draft]:
    """Of "was designed by Margaret Dunmore": who was it designed by?"""
    match = AGENT.search(clause.first)
    if match and clause.lexical is None and _passive(clause) and not match[1].endswith("ing"):
        word = "who" if NAME.match(match[1]) or PERSON.search(match[1]) else "what"
        rest = f"{clause.first[: match.start()].rstrip()} by {clause.first[match.end() :].strip()}"
        yield Draft(_sentence(f"{word} {_turned(clause, rest)}"), match[1], Kind.AGENT)


def _quantity(clause: Clause) -> Iterator[Draft]:
    yield from _counted_subject(clause)
    if match := re.match(
        rf"({AMOUNT}) (metres?|feet|kilometres?|centimetres?|years?) (high|long|wide|deep|tall|old|across)\b",
        clause.first,
    ):
        word = "wide" if match[3] == "across" else match[3]
        yield Draft(
            _sentence(f"how {word} {_turned(clause, clause.first[match.end() :])}"),
            f"{match[1]} {match[2]}",
            Kind.QUANTITY,
        )
    elif match := re.match(rf"({AMOUNT} {UNITS}(?: and {AMOUNT} {UNITS})?)(?= |$)", clause.first):
        yield from _duration(clause, match)
    elif match := re.match(
        rf"({AMOUNT}) ((?:[a-z-]+ )?[a-z]{{2,}}s|people|percent)\b((?: of [a-z]+(?: [a-z]+)?)?)", clause.first
    ):
        yield from _counted_object(clause, match)


def _duration(clause: Clause, match: re.Match[str]) -> Iterator[Draft]:
    lasting = clause.lexical is not None and clause.lexical.base in {"last", "take", "need", "keep"}
    after = clause.first[match.end() :]
    if lasting or (clause.verb in COPULAS and not after):
        yield Draft(_sentence(f"how long {_turned(clause, after)}"), match[1], Kind.QUANTITY)


def _counted_subject(clause: Clause) -> Iterator[Draft]:
    """Of "About nine thousand visitors climb the steps": how many visitors climb the steps?"""
    match = re.match(rf"({AMOUNT}) ((?:[a-z-]+ )?[a-z]+s|people)$", clause.subject[0].lower() + clause.subject[1:])
    if match and match[1] != "one":
        answer = clause.subject[: match.end(1)]
        yield Draft(_sentence(f"how many {match[2]} {clause.verb} {clause.first}{clause.tail}"), answer, Kind.QUANTITY)


MONEY = {
    "pounds": "how much",
    "euros": "how much",
    "dollars": "how much",
    "tonnes": "how much",
    "kilograms": "how much",
}


def _counted_object(clause: Clause, match: re.Match[str]) -> Iterator[Draft]:
    if clause.verb in COPULAS and not _passive(clause):
        return
    after = clause.first[match.end() :]
    if after.startswith((" and ", " or ", ",", " from ")):
        return
    much = clause.lexical is not None and clause.lexical.base in {"cost", "weigh"}
    word = "how much" if much else f"how many {match[2]}{match[3]}"
    answer = f"{match[1]} {match[2]}" if much else match[1]
    yield Draft(_sentence(f"{word} {_turned(clause, after)}"), answer, Kind.QUANTITY)


def _subject(clause: Clause) -> Iterator[Draft]:
    """Of "The closed lid traps steam": what traps steam?"""
    words = clause.subject.split()
    if len(words) > 6 or words[-1].lower() in EMPTY or re.match(rf"{AMOUNT}\b", clause.subject.lower()):
        return
    if len(clause.rest.split()) < 3 or words[0].lower() in {"all", "no", "most", "not", "half", "two"}:
        return
    name = NAME.match(clause.subject) and not PLACES.search(clause.subject)
    word = "who" if name or PERSON.search(clause.subject) else "what"
    verb = {"are": "is", "were": "was", "have": "has"}.get(clause.verb, clause.verb)
    if clause.lexical and clause.lexical.form is Form.PLURAL:
        return
    kind = Kind.THING if len(words) > 2 or name else Kind.DETAIL
    yield Draft(_sentence(f"{word} {verb} {clause.rest}{clause.tail}"), clause.subject, kind)


PHRASE = re.compile(
    r"^((?:(?:the|a|an|no|all|any) )?[\w'-]+(?: [\w'-]+){0,3}?(?: of (?:the |a |an )?[\w'-]+(?: [A-Z][\w'-]+)*)?)"
    r"(?=$|,| (?:in|on|at|by|for|with|from|into|through|during|after|before|between|under|over|about|to|as|and|every|"
    r"each|"
    r"without|until|against|along|too|now|again)\b)"
)
_NO_OBJECT = """
that how to her him them it its his their what why not more less very so most in all free there
"""
NO_OBJECT = frozenset(_NO_OBJECT.split())


def _object(clause: Clause) -> Iterator[Draft]:
    """Of "The keepers grew potatoes in a garden": what did the keepers grow in a garden?"""
    match = PHRASE.match(clause.first)
    if (
        not match
        or clause.lexical is None
        or clause.lexical.base in {"be", "have", "come", "go", "lie", "seem", "need", "think"}
    ):
        return
    first = match[1].split()[0].lower()
    after = clause.first[match.end() :]
    if (
        first in PREPOSITIONS | NO_OBJECT
        or after.startswith((" and", ","))
        or len(match[1].split()) < 2
        or re.match(AMOUNT + r"\b", match[1])
    ):
        return
    yield Draft(_sentence(f"what {_turned(clause, after)}"), match[1], Kind.THING)


WAYS: tuple[Callable[[Clause], Iterator[Draft]], ...] = (
    _why,
    _meaning,
    _time,
    _place,
    _agent,
    _quantity,
    _subject,
    _object,
)
