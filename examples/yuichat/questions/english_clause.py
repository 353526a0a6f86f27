"""An English main clause taken apart: lead, subject, verb, rest. It must never know what is asked about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from examples.yuichat.questions.english_verbs import FORMS, PARTICIPLES, Form, Verb

WORD = re.compile(r"[^\s]+")
_AUXILIARIES = """
is are was were can could will would must may might should shall has have had do does did
"""
AUXILIARIES = frozenset(_AUXILIARIES.split())
PERFECT = frozenset({"has", "have", "had"})
COPULAS = frozenset({"is", "are", "was", "were"})
# What an English subject that stands for something named before it begins with.
_POINTING = """
it its they them their he him his she her this that these those we our i my you your there here who which what when
if as such some others another nobody everyone somebody so and but or one both each while
"""
POINTING = frozenset(_POINTING.split())
# A comma and one of these begin another clause.
CLAUSE = re.compile(
    r"(?:,| —| –|;|:)\s+(?:and|but|so|yet|or|which|who|where|when|while|although|though|as|if|since|for|until)\b"
    r"|;|:(?!\d)| — | – |\s(?:when|while|whenever|unless|until|although|though|if|before|after) "
    r"(?:it|they|he|she|the|a|you|we|no|waves)\b"
)
# What is quoted or marked up cannot be turned round.
QUOTED = re.compile(r"[\"`]|\*\*")
CONJOINED = re.compile(r" and (?=(?:the|a|an) (?:\w+ ){1,2}(?:is|are|was|were|has|had|have|became|becomes)\b)")
_PREPOSITIONS = """
of in on at by for with from to into through during after before between under over about near since until towards
against within without along across behind beyond among as than instead like off out up down
"""
PREPOSITIONS = frozenset(_PREPOSITIONS.split())
_DETERMINERS = """
the a an its his her their our my your every each no any this that these those some all half both several many few
most more less
"""
DETERMINERS = frozenset(_DETERMINERS.split())
_BLOCKING = """
that who which whose when because where while if whether although though as after before since until and or but not
"""
BLOCKING = frozenset(_BLOCKING.split())
MAX_SUBJECT = 9  # words
_ADVERBS = """
also still now only usually often always never once soon then finally already nearly almost about just even again
last too therefore largely mainly originally typically twice not
"""
ADVERBS = frozenset(_ADVERBS.split())


@dataclass(frozen=True, slots=True)
class Clause:
    """`lead` is an opening adverbial without its comma ("After the war"), `verb` the word that is finite.

    `lexical` is the finite verb's base and the auxiliary that a question needs, None where it is an auxiliary itself.
    """

    lead: str
    subject: str
    verb: str
    lexical: Verb | None
    rest: str
    reason: str

    @property
    def first(self) -> str:
        """What the rest says of the subject before "and" says more: "is 38 metres high[ and stands on a base]"."""
        words = self.rest.split()
        for place, word in enumerate(words):
            after = words[place + 1 : place + 5]
            if word == "and" and after and (after[0] in FORMS or AUXILIARIES & set(after)):
                return " ".join(words[:place]).rstrip(",")
        return self.rest

    @property
    def tail(self) -> str:
        """The lead, as it may stand at a question's end."""
        return f" {self.lead[0].lower() + self.lead[1:]}" if self.lead else ""


def clause_of(sentence: str) -> Clause | None:
    """The main clause of a sentence that stands on its own; None where it leans on another or cannot be told."""
    body, reason = _reason(sentence.rstrip(".!?").strip())
    lead, main = _lead(CLAUSE.split(body, maxsplit=1)[0].strip(" ,"))
    words = WORD.findall(main)
    if len(words) < 3 or words[0].lower().split("'")[0] in POINTING or QUOTED.search(body) or lead is None:
        return None
    place = _finite(words)
    if place is None or not _names(words[:place], words[place]):
        return None
    rest = CONJOINED.split(" ".join(words[place + 1 :]), maxsplit=1)[0].rstrip(",")
    lexical = None if _auxiliary(words, place) else FORMS[words[place]]
    return Clause(lead, " ".join(words[:place]), words[place], lexical, rest, reason)


def _names(subject: list[str], verb: str) -> bool:
    """Whether a question may name it: no pronoun, no adverbial, no lone word that may be a name or not."""
    lone = len(subject) == 1 and not subject[0].endswith("ing") and not _plural(subject[0], verb)
    alien = subject[0].lower() in PREPOSITIONS or subject[-1].lower() in ADVERBS | PREPOSITIONS
    return not (lone or alien or "," in " ".join(subject) or any(word.lower() in POINTING for word in subject))


def _plural(word: str, verb: str) -> bool:
    """Whether the verb shows that a word in -s is no name: "Tides are", "Surveyors found" but not "Silas found"."""
    agrees = verb in {"are", "were", "have"} or (verb in FORMS and FORMS[verb].form is Form.PLURAL)
    return word.endswith("s") and (agrees or word.endswith(("ers", "ors", "ists", "ents", "ains")))


def _reason(body: str) -> tuple[str, str]:
    """The sentence without its "because …", and the reason without its "because"."""
    before, found, reason = body.partition(" because ")
    elsewhere = CLAUSE.search(before) or before.endswith((" not", " only")) or reason.startswith("of ")
    if not found or elsewhere:
        return body, ""
    return before.rstrip(","), CLAUSE.split(reason, maxsplit=1)[0].strip(" ,")


LEAD = re.compile(
    r"^((?:In|On|At|After|Before|During|Since|Until|Under|For|Within|By|From|Between|Beyond|With|Over) "
    r"[^,]{2,60}|Today|Then|However|Since then|First|Finally|Meanwhile|In fact), (.+)$"
)
SHORT_LEAD = re.compile(
    r"^((?:(?:In|On|By|Since|During|After|Before|Within|At) "
    r"(?:the |a |an |early |late )*[\w-]+(?: \d{4}| century)?)|Today)"
    r" ((?:the|a|an|every|all) .+)$"
)
EMPTY_LEADS = frozenset({"Today", "Then", "However", "First", "Finally", "Meanwhile", "In fact", "Since then"})
LEANING = re.compile(r"\b(?:this|that|these|those|it|them|then|him|her|his|its|their|us|our|which)\b", re.IGNORECASE)


def _lead(main: str) -> tuple[str | None, str]:
    """The opening adverbial and what follows; None for one that leans on what was said before."""
    match = LEAD.match(main) or SHORT_LEAD.match(main)
    if not match:
        return "", main
    lead, rest = match.groups()
    if lead in EMPTY_LEADS:
        return "", rest
    return (None if LEANING.search(lead) else lead), rest


def _finite(words: list[str]) -> int | None:
    """Where the main verb stands: an auxiliary before anything else, then a verb that no noun can be."""
    for place in range(1, min(len(words) - 1, MAX_SUBJECT + 1)):
        if words[place].lower() in BLOCKING:
            break
        if words[place] in AUXILIARIES:
            return place
    return next((place for place in range(1, min(len(words) - 1, MAX_SUBJECT)) if _lexical(words, place)), None)


def _lexical(words: list[str], place: int) -> bool:
    word, before, after = words[place], words[place - 1], words[place + 1]
    if any(other.lower() in BLOCKING for other in words[:place]) or word not in FORMS:
        return False
    if before.lower() in DETERMINERS | PREPOSITIONS or after == "by" or after in AUXILIARIES:
        return False
    if FORMS[word].form.value == "does" and before.endswith("s") and not before.endswith("ss"):
        return False
    plural = before.endswith("s") or before in {"people", "children", "women", "men"}
    return FORMS[word].form.value != "do" or (plural and not before[0].isupper())


def _auxiliary(words: list[str], place: int) -> bool:
    """Whether the finite verb can itself go before the subject; "has a sensor" cannot."""
    word, following = words[place], [word for word in words[place + 1 :] if word not in ADVERBS][:1]
    if word not in AUXILIARIES:
        return False
    if word in {"do", "does", "did"}:
        return words[place + 1] == "not"
    return word not in PERFECT or (bool(following) and (following[0] in PARTICIPLES))
