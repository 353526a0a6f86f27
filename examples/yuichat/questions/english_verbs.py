"""The forms of common English verbs, so that a statement can be turned round; it must never know a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """The auxiliary that a question needs in place of the form."""

    PAST = "did"
    SINGULAR = "does"
    PLURAL = "do"


@dataclass(frozen=True, slots=True)
class Verb:
    base: str
    form: Form


REGULAR = """
accept achieve act add admit adopt advise affect agree aim allow announce answer appear apply appoint argue arrive ask
attack attract avoid bake ban belong blame block boil borrow brew burn calculate call cancel carry cause celebrate
change charge check claim clean climb close collect combine compare complain complete concern conclude confirm connect
consider consist consult contain continue control cool copy correct count cover crack create cross damage declare
decide decline defeat defend define deliver demand deny depend describe design destroy detect determine develop devise
die differ disappear discover discuss dissolve divide donate double doubt drop earn educate employ enable encourage
enclose end engage enjoy enter escape establish estimate examine exceed exist expand expect experience expire explain
explore export extend face fail fear ferment fill finish fire fix float fold follow force form found fulfil function
gain gather generate govern guard guide handle happen hate hire hope host hunt identify ignore imagine import
improve include increase indicate influence inform inherit insist inspect inspire install intend interrupt introduce
invade invent invest invite involve issue join judge jump kill label lack land last laugh launch learn lift
like limit link listen live lock loosen love lower maintain manage manufacture mark marry match matter measure
melt mention merge mix move multiply name need notice obtain occupy occur offer open operate oppose order organise
organize own paint pass permit persuade place plan plant plead point possess practise prefer prepare present preserve
press prevent print produce promise promote propose protect prove provide publish pull pump purchase push question
quote raise reach realise realize receive recognise recognize recommend record recover reduce refer reflect refuse
regulate reject relate release rely remain remember remove repair repeat replace report represent request require
rescue research reserve resign resist restore retire return reveal revert rotate rule save scatter score seal search
seem separate serve settle share shift sign signal slow smell smooth solve spare sponsor stabilise start state
stay stop store stretch struggle study succeed suffer suggest supply support suppose survive suspend
switch talk tend test thank tighten touch trace trade train transfer transform translate transport trap travel treat
tremble trigger trust try tune turn unite update urge use vary view visit vote wait walk want warn wash waste watch
weigh welcome wish work worry wrap yield drift consume emit absorb power store process cycle commute appeal lodge
assume pour shrug oil weaken mine flow revolve orbit surround border stimulate respond recycle dominate
"""

# base past participle
IRREGULAR = """
be was been|become became become|begin began begun|bend bent bent|bind bound bound|bite bit bitten|blow blew blown
break broke broken|breed bred bred|bring brought brought|build built built|burst burst burst|buy bought bought
catch caught caught|choose chose chosen|come came come|cost cost cost|cut cut cut|deal dealt dealt|dig dug dug
do did done|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed fed
feel felt felt|fight fought fought|find found found|fly flew flown|forget forgot forgotten|freeze froze frozen
get got got|give gave given|go went gone|grind ground ground|grow grew grown|hang hung hung|have had had
hear heard heard|hide hid hidden|hit hit hit|hold held held|hurt hurt hurt|keep kept kept|know knew known
lay laid laid|lead led led|leave left left|lend lent lent|let let let|lie lay lain|light lit lit|lose lost lost
make made made|mean meant meant|meet met met|pay paid paid|put put put|read read read|ride rode ridden
ring rang rung|rise rose risen|run ran run|say said said|see saw seen|seek sought sought|sell sold sold
send sent sent|set set set|shake shook shaken|shine shone shone|shoot shot shot|show showed shown|shut shut shut
sing sang sung|sink sank sunk|sleep slept slept|speak spoke spoken|spend spent spent|split split split
spread spread spread|stand stood stood|steal stole stolen|stick stuck stuck|strike struck struck|swim swam swum
swing swung swung|take took taken|teach taught taught|tear tore torn|tell told told|think thought thought
throw threw thrown|understand understood understood|wake woke woken|wear wore worn|win won won|wind wound wound
write wrote written|withdraw withdrew withdrawn|overcome overcame overcome|undergo underwent undergone
"""
DOUBLED = frozenset(
    "admit ban commit control drop fit grab hop jog lag mix occur permit plan prefer refer rob rub ship "
    "shrug slip stop submit tap transfer travel trap trim wrap".split()
) - {"mix"}
VOWELS = "aeiou"


def singular(base: str) -> str:
    """carries, watches, turns."""
    if base.endswith("y") and base[-2] not in VOWELS:
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def past(base: str) -> str:
    """carried, stopped, used, turned."""
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in VOWELS:
        return base[:-1] + "ied"
    return base + (base[-1] if base in DOUBLED else "") + "ed"


def _irregular() -> list[tuple[str, str, str]]:
    rows = [row.split() for line in IRREGULAR.split("\n") for row in line.split("|") if row]
    return [(base, past_form, participle) for base, past_form, participle in rows]


def _forms() -> dict[str, Verb]:
    irregular = {base: past_form for base, past_form, _ in _irregular() if base != "be"}
    bases = {*REGULAR.split(), *irregular}
    plural = {base: Verb(base, Form.PLURAL) for base in bases}
    third = {singular(base): Verb(base, Form.SINGULAR) for base in bases if base not in {"have", "do"}}
    pasts = {irregular.get(base) or past(base): Verb(base, Form.PAST) for base in bases}
    return {**plural, **third, "has": Verb("have", Form.SINGULAR), "does": Verb("do", Form.SINGULAR), **pasts}


FORMS = _forms()
PARTICIPLES = frozenset(past(base) for base in REGULAR.split()) | {participle for _, _, participle in _irregular()}
