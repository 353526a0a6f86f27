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
absorb accept achieve act add adjust admit adopt advise affect afford agree aim allow alter amend announce answer
apologise appeal appear apply appoint argue arrive ask assemble assign assist assume attack attend attract avoid await
bake balance ban belong blame block boil border borrow breathe brew brush burn button calculate call camp cancel carry
cause celebrate certify change charge chase check chew claim clean climb close collapse collect combine comfort
command commute compare compete compile complain complement complete compose compress comprise compute conceal concede
concern conclude conduct confirm confuse connect conserve consider consist construct consult consume contain continue
contribute control convert convince cool cooperate copy correct count cover crack create criticise cross cycle damage
deceive decide declare decline decorate dedicate defeat defend define delay delete deliver demand deny depart depend
deposit derive describe design destroy detail detect determine develop devise die differ disagree disappear discharge
discover discuss display dissolve distribute disturb divide dominate donate double doubt drift drop dry earn edit
educate elect eliminate emerge emit emphasise employ enable enclose encounter encourage end engage enjoy ensure enter
entertain equip erase escape establish estimate evolve examine exceed exchange exclude execute exhibit exist expand
expect experience expire explain explore export expose extend face fail favour fear ferment fetch fill filter finance
finish fire fix float flood flow focus fold follow force form found fulfil function fund gain gather generate glow
govern guarantee guard guide handle happen harm harvest hate heat hire hope host house hunt identify ignore illustrate
imagine implement import impose impress improve include incorporate increase indicate influence inform inhabit inherit
initiate inject injure insert insist inspect inspire install insulate intend interpret interrupt introduce invade
invent invest invite invoke involve irrigate isolate issue join judge jump kick kill knock label lack land last laugh
launch learn lease lift like limit link listen live load loan lock lodge log loosen love lower mail maintain manage
manufacture map mark marry match matter measure melt mention merge merit migrate mine mix modify monitor motivate move
multiply name navigate need neglect nominate note notice notify observe obtain occupy occur offer oil open operate
oppose orbit order organise organize outline overlook own pack paint park participate pass perform permit persist
persuade pick pile pilot place plan plant plead point pollinate pollute portray possess postpone pour power practise
praise predict prefer prepare prescribe present preserve preside press prevail prevent print proceed process proclaim
produce prohibit project promise promote pronounce propose protect prove provide publish pull pump purchase purify
pursue push question quote raise reach react realise realize reassure recall receive recognise recognize recommend
record recover recruit recycle reduce refer refill reflect reform refuse register regulate reinforce reject relate
release rely remain remember remove rent reopen repair repeat replace report represent request require rescue research
resemble reserve reside resign resist resolve respond restore resume retain retire retrieve return reveal revert
revolve reward rotate rule sail save scan scatter schedule score screen seal search seat secure seem select separate
serve settle shape share shelter shift shrug sign signal simulate skip slow smell smooth solve sort spare spill
sponsor stabilise stain start state stay stem stimulate stop store strengthen stretch struggle study submit substitute
succeed suffer suggest supervise supply support suppose suppress surprise surrender surround survive suspend sustain
switch talk target tend test thank tighten tolerate touch tour trace trade trail train transfer transform translate
transmit transport trap travel treat tremble trigger trust try tune turn uncover unite unlock update upgrade urge use
utilise vanish vary view violate visit volunteer vote wait walk want warm warn wash waste watch weaken weigh welcome
widen wish witness work worry wrap yield
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
throw threw thrown|understand understood understood|wake woke woken
rebuild rebuilt rebuilt|weave wove woven|shrink shrank shrunk|withstand withstood withstood
wear wore worn|win won won|wind wound wound
write wrote written|withdraw withdrew withdrawn|overcome overcame overcome|undergo underwent undergone
"""
_DOUBLED = """
admit ban commit control drop fit grab hop jog lag mix occur permit plan prefer refer rob rub ship shrug slip stop
submit tap transfer travel trap trim wrap
"""
DOUBLED = frozenset(_DOUBLED.split())
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
