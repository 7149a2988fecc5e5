"""What one request wants, told by its wording."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from graphwright_graphs.demo import arithmetic, clauses, phrasebook


class Kind(StrEnum):
    """The kinds of request that the rules tell apart."""

    ARITHMETIC = "arithmetic"
    TIME = "time"
    SAVE_NOTE = "save_note"
    LIST_NOTES = "list_notes"
    DELETE_NOTE = "delete_note"
    TRANSLATE = "translate"
    SEARCH = "search"
    QUESTION = "question"
    GREETING = "greeting"
    THANKS = "thanks"
    FAREWELL = "farewell"
    MOOD = "mood"
    HELP = "help"
    IDENTITY = "identity"
    TELL = "tell"
    RECALL = "recall"
    LAST_QUESTION = "last_question"
    SAY = "say"
    UNKNOWN = "unknown"


TALK: Final = frozenset(
    {
        Kind.GREETING,
        Kind.THANKS,
        Kind.FAREWELL,
        Kind.MOOD,
        Kind.HELP,
        Kind.IDENTITY,
        Kind.TRANSLATE,
        Kind.TELL,
        Kind.RECALL,
        Kind.LAST_QUESTION,
        Kind.SAY,
    }
)


@dataclass(frozen=True)
class Intent:
    """One request, read.

    `value` is what the request is about: an expression, a note's text or number, a query, a fact's
    name. `detail` is the fact itself where one is told, or the
    language to translate into. `refers` says that "it" or "the result"
    stands for what came out before.
    """

    kind: Kind
    clause: str
    value: str = ""
    detail: str = ""
    refers: bool = False


POLITE: Final = (
    r"(?:(?:please|and|also|so|now|ok|okay|hey|hi|hello|can you|could you|would you|will you|"
    r"i want you to|"
    r"i'd like you to|i would like you to|i want to|i'd like to|i need to|let's|help me)"
    r"[\s,]+){0,6}"
)
# Words that stand for what came out before.
BACKWARD: Final = (
    r"it|that|this|them|the (?:results?|answers?|outcome|total|sum|time|date|findings?)"
)
LONGEST: Final = 4000  # characters of a request that are read
TELLING: Final = 200  # characters on either side of an "and" that are weighed
MOST: Final = 20  # requests of one message that are served

Reader = tuple[Kind, re.Pattern[str]]


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^{POLITE}{pattern}", re.I | re.S)


# The first pattern that matches tells the kind. A group is the intent's value, a second one its
# detail.
READERS: Final[tuple[Reader, ...]] = (
    (
        Kind.GREETING,
        _pattern(
            r"(?:hi|hello|hey|howdy|greetings|good (?:morning|afternoon|evening|day))"
            r"(?:\s+(?:there|all|everyone|graphwright|again|demo))?\W*$"
        ),
    ),
    (
        Kind.THANKS,
        _pattern(
            r"(?:many )?(?:thanks|thank you|thx|great|perfect|nice|cool|"
            r"well done)\b[\w\s]{0,20}\W*$"
        ),
    ),
    (Kind.FAREWELL, _pattern(r"(?:good\s?bye|bye|see you|farewell|good night)\b[\w\s]{0,15}\W*$")),
    (
        Kind.MOOD,
        _pattern(r"(?:how are you|how's it going|what's up|how do you do)\b[\w\s]{0,15}\W*$"),
    ),
    (
        Kind.HELP,
        _pattern(
            r"(?:help\W*$|(?:what|which things) (?:else )?(?:can|could) (?:you|i)(?: do| ask|"
            r" help)|"
            r"what are you able|how can (?:you|i) (?:help|use)|what do you do|what (?:are|"
            r"do) (?:you have|your) "
            r"(?:tools|skills|abilities)|(?:what|which) tools|how does this work)"
        ),
    ),
    (
        Kind.IDENTITY,
        _pattern(
            r"(?:who are you|what are you\W*$|who made you|what(?:'s| is) your name|"
            r"what'?s? (?:ai |llm )?model|"
            r"which (?:ai |llm )?model|are you (?:an? )?(?:real|ai|a\.i|llm|bot|robot|human|"
            r"person|demo|gpt|"
            r"chatgpt|claude|language model|rule))"
        ),
    ),
    (
        Kind.LAST_QUESTION,
        _pattern(
            r"(?:what (?:did|have) i (?:just |last |previously |first )?(?:ask|say|said|write|"
            r"written|tell)"
            r"(?:ed)?(?: you)?(?: (?:just now|before|first|last))?\W*$|"
            r"(?:what was|repeat) my (?:(?:last|previous|first) )?(?:question|message)|"
            r"what were we talking)"
        ),
    ),
    (
        Kind.SAY,  # one word alone, as people try out a model
        _pattern(
            r"(?:answer|reply|respond|say)(?: only| just)?(?: with)?(?: only| just)?"
            r"(?: (?:the|one|a single) word)?:? [\"'“]?([\w-]{1,30})[\"'”]?[.!]*$"
        ),
    ),
    (
        Kind.DELETE_NOTE,
        _pattern(r"(?:delete|remove|erase|forget|clear|drop)\s+((?:\S+\s+){0,3}?notes?\b.*)$"),
    ),
    (
        Kind.LIST_NOTES,
        _pattern(
            r"(?:(?:list|show|read|display|give|tell|get|see|fetch|check)\b.{0,20}\bnotes\b|"
            r"what(?:'s| is| are| do)\b.{0,20}\bnotes?\b|(?:do|did) i have (?:any )?(?:\w+ )?notes|"
            r"(?:what|which things) (?:did|have) (?:i|you) (?:\w+ )?(?:note|noted|jot|write down|"
            r"saved?)\b|"
            r"what did i (?:ask|tell) you to (?:remember|note|save)|(?:all )?my notes\W*$|"
            r"(?:what|how much|whom?) do i (?:still )?owe\b)"
        ),
    ),
    (
        Kind.RECALL,
        _pattern(
            r"(?:(?:do|can|did) you )?(?:know|remember|"
            r"recall) (?:what )?my ([\w' -]+?)(?: is)?\s*\?"
        ),
    ),
    (
        Kind.RECALL,
        _pattern(
            r"(?:(?:what|who|where|when)(?:'s|\u2019s|s| is| was| are)|tell me|"
            r"what did i say) my ([\w' -]+?)\W*$"
        ),
    ),
    (
        Kind.RECALL,
        _pattern(r"(?:who am i|what am i called|do you (?:know|remember) (?:who i am|me))()\W*$"),
    ),
    (
        Kind.SAVE_NOTE,  # the text is what came out before
        _pattern(
            r"(?:(?:note|remember|save|jot|write|keep|store)\s+(?:down\s+)?"
            rf"(?P<refers>{BACKWARD})(?:\s+(?:down|as a note|in a note|(?:to|in) my notes|too|"
            rf"as well))*|"
            r"(?:make|take|add|save|create|write)\s+(?:a|the)\s+note(?:\s+(?:of|about)\s+(?:it|"
            r"that|this))?)\W*$"
        ),
    ),
    (
        Kind.SAVE_NOTE,
        _pattern(
            r"(?:(?:make|take|add|save|create|write|put|leave)\s+(?:me )?(?:a|another|"
            r"the following)?\s*"
            r"(?:new )?(?:note|memo|reminder)\b(?:\s+down)?|note(?:\s+down)?|remember|remind me|"
            r"jot down|"
            r"write down|memori[sz]e|keep in mind|save|don't forget|do not forget)(?=[\s:])\s*"
            r"(?:(?:that|of|to self|to|for me|saying|about the fact that)(?=[\s:]))?[\s:,-]*(.+)$"
        ),
    ),
    (
        Kind.SAVE_NOTE,
        _pattern(
            r"(?:add|put|save|write)\s+(.+?)\s+(?:to|in|into|as|on) (?:my |a |the )?(?:notes?|"
            r"list|memo)\W*$"
        ),
    ),
)
# Read after arithmetic, whose requests may begin in the same way ("find 3 + 4").
LATE_READERS: Final[tuple[Reader, ...]] = (
    (
        Kind.TIME,
        _pattern(
            r"(?:(?:what|which|tell me|give me|show|do you know|is it|how many|how long)\b.{0,40})?"
            r"(?:\btime\b(?! (?:travel|out|zone of|difference))(?=.{0,12}(?:\bis it\b|\bin\b|"
            r"\bat\b|\bnow\b|\?|$))|"
            r"\b(?:date|day|month|year)\b(?=.{0,8}(?:\bis it\b|\bis today\b|\btoday\b|\bin\b|"
            r"\bnow\b|"
            r"\bwas it\b|\bwill it\b|\bis\b|\?|$))|\btoday'?s? date\b|\bcurrent (?:date|time)\b|"
            r"\bdays? (?:until|till|to|before)\b|\bwhat is today\b|\bis (?:it|today) \w+day\b|"
            r"\bo'clock\b)"
        ),
    ),
    (
        Kind.TELL,
        re.compile(rf"^{POLITE}my ([\w' -]{{1,40}}?) (?:is|are|was) (?!not\b)(.+?)[.!]*$", re.I),
    ),
    (
        Kind.TELL,
        re.compile(
            rf"^{POLITE}(?:(?i:i am|i'm|call me|i am called|"
            rf"my name's))() ([A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)*)\W*$"
        ),
    ),
    (
        Kind.SEARCH,
        _pattern(
            r"(?:search(?: (?:the |your |our |my )?(?:docs|documents|documentation|files|web))?|"
            r"look up|"
            r"look for|look in|find(?: out)?|google|query|research)\s+"
            r"(?:(?:for|about|on|the docs for|information (?:on|about)|in the (?:docs|"
            r"documents) for)\s+)*(.+?)"
            r"(?:\s+in (?:the |your |our |my )?(?:docs|documents|documentation|files))?\s*[?.!]*$"
        ),
    ),
    (
        Kind.SEARCH,
        _pattern(
            r"(?:what (?:do|does|is said in|say) (?:the |your )?(?:docs|documents|documentation|"
            r"manual) "
            r"(?:say|tell)(?: us| me)? (?:about|on)|tell me (?:more )?about|"
            r"explain(?: to me)?(?: how| what)?|"
            r"describe)\s+(.+?)\s*[?.!]*$"
        ),
    ),
    (
        Kind.QUESTION,
        _pattern(
            r"(?:what(?:'s|\u2019s| is| are| was| were| does| do)?|who(?:'s| is| are| was)?|"
            r"where(?: is| are| do)?|"
            r"when(?: is| does| do)?|which|why(?: is| do| does)?|how(?: do| does| can| to| is|"
            r" are| should| many| much| long)?|"
            r"can|could|does|do|is|are|should|will)\s+(?:i\s+|you\s+|we\s+|one\s+)?(?:an?\s+|"
            r"the\s+)?(.+?)\s*\?*$"
        ),
    ),
)
OPEN: Final = frozenset({Kind.QUESTION, Kind.UNKNOWN})

REFERENCE: Final = re.compile(rf"\b(?:{BACKWARD})\b", re.I)


def read_all(request: str, names_tool: Callable[[str], bool]) -> list[Intent]:
    """Return what each request of a message wants.

    Args:
        request: the human message.
        names_tool: whether a piece begins with the subject of one of the user's own tools.
    """
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", request[:LONGEST])).strip()

    def opens(before: str, after: str) -> bool:
        # A few words tell; reading everything at every comma would take seconds on hostile input.
        left, right = before[:TELLING], after[:TELLING]
        head = clauses.head(right)
        if arithmetic.expression(head):
            return clauses.reads_as_request(head) or arithmetic.expression(left) is not None
        if read(left).kind is Kind.SAVE_NOTE:
            return read(head).kind not in (
                *OPEN,
                Kind.SEARCH,
                Kind.TELL,
            ) and clauses.reads_as_request(head)
        return clauses.reads_as_request(right) or names_tool(head) or read(head).kind not in OPEN

    pieces = clauses.split(text, opens)
    return [read(piece) for piece in pieces[:MOST]]


def read(clause: str) -> Intent:
    """Return what one request wants; `Kind.UNKNOWN` where no rule knows."""
    return (
        _translation(clause)
        or _first(READERS, clause)
        or _sum(clause)
        or _first(LATE_READERS, clause)
        or Intent(Kind.UNKNOWN, clause)
    )


def _first(readers: tuple[Reader, ...], clause: str) -> Intent | None:
    for kind, pattern in readers:
        if found := pattern.match(clause):
            if "refers" in pattern.groupindex:
                return Intent(kind, clause, refers=True)
            groups = [group or "" for group in found.groups()]
            value, detail = (*groups, "", "")[:2]
            return Intent(kind, clause, value.strip(), detail.strip())
    return None


def _translation(clause: str) -> Intent | None:
    wanted = phrasebook.read(clause)
    return Intent(Kind.TRANSLATE, clause, wanted.text, wanted.language) if wanted else None


def _sum(clause: str) -> Intent | None:
    if expression := arithmetic.expression(clause):
        return Intent(Kind.ARITHMETIC, clause, expression)
    if REFERENCE.search(clause) and arithmetic.expression(with_reference(clause, "1")):
        return Intent(Kind.ARITHMETIC, clause, clause, refers=True)
    return None


def with_reference(clause: str, value: str) -> str:
    """Return the clause with "it" or "the result" replaced by what that stands for."""
    return REFERENCE.sub(lambda _: value, clause, count=1)
