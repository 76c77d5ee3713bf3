"""The words of the generated English: sets of synonyms, with a part of speech and a polarity.

A set carries one meaning, a `Concept`. What the language makes of them is in `language`. A word belongs to
one set only, so that exchanging it for another of its set changes no meaning. Book: data/built_in_english.
"""

from dataclasses import dataclass

# Group: part of speech and polarity of all its concepts.
GROUPS = {
    "work": ("noun", 0),
    "maker": ("noun", 0),
    "viewer": ("noun", 0),
    "place": ("noun", 0),
    "time": ("noun", 0),
    "plain": ("adjective", 0),
    "report": ("verb", 0),  # a viewer does it to a statement
    "deny": ("verb", 0),
    "degree": ("adverb", 0),
    "frequency": ("adverb", 0),
    "negator": ("adverb", 0),
    "good": ("adjective", 1),
    "bad": ("adjective", -1),
    "treasure": ("noun", 1),
    "waste": ("noun", -1),
    "like": ("verb", 1),  # a viewer does it to a work
    "dislike": ("verb", -1),
    "please": ("verb", 1),  # a work does it to a viewer
    "displease": ("verb", -1),
    "help": ("verb", 1),  # a work does it to another work
    "harm": ("verb", -1),
}

# A line a concept: its words, the commonest first. Words behind the bar are rare: the built-in BERT never
# met them while it was pretrained, and the tasks use them seldom. That is where a synonym attack bites.
# Verbs are regular, so that one form serves as past tense and as participle.
LEXICON = {
    "work": """
        film movie picture | flick
        plot story tale | yarn
        script screenplay
        music score soundtrack
        song tune melody | ditty
        ending finale conclusion denouement
        opening beginning start | prologue
        scene sequence episode vignette
        acting performance portrayal
        humour comedy wit drollery
        photography camerawork cinematography
        costume outfit dress | garb
        idea concept premise
        pacing tempo rhythm cadence
        conversation dialogue talk | banter""",
    "maker": """
        actor performer player | thespian
        director filmmaker
        writer author novelist | scribe
        singer vocalist | crooner
        hero protagonist
        villain scoundrel rogue | blackguard
        cast ensemble troupe""",
    "viewer": """
        critic reviewer commentator | pundit
        audience crowd public | throng
        child kid youngster | tot
        friend companion pal chum
        woman lady
        man gentleman fellow chap
        teacher instructor tutor | pedagogue
        student pupil learner
        visitor guest tourist""",
    "place": """
        cinema theatre playhouse
        city town metropolis
        garden park
        house home residence | abode
        hotel inn lodge | hostelry
        village hamlet settlement""",
    "time": """
        evening night | eventide
        morning dawn daybreak
        holiday vacation""",
    "plain": """
        old ancient aged antiquated
        new recent modern
        small little tiny diminutive
        big large huge
        foreign overseas
        famous renowned celebrated
        quiet silent hushed""",
    "report": """
        said claimed stated | averred
        thought felt believed | reckoned
        argued insisted maintained""",
    "deny": """
        denied disputed | gainsaid
        doubted questioned distrusted""",
    "degree": """
        very extremely remarkably | exceedingly
        really truly genuinely | verily""",
    "frequency": """
        often usually frequently
        always constantly""",
    "negator": """
        never hardly scarcely barely""",
    "good": """
        good fine great splendid
        wonderful superb excellent | sublime
        funny hilarious amusing droll
        charming delightful lovely | winsome
        clever smart ingenious | astute
        touching poignant moving | stirring
        exciting thrilling gripping riveting
        fresh original inventive | novel
        beautiful gorgeous stunning | comely
        elegant graceful polished refined
        convincing believable credible | plausible""",
    "bad": """
        bad poor awful lousy
        terrible horrible dreadful | abysmal
        boring dull tedious dreary
        stupid silly foolish | inane
        clumsy awkward inept | ungainly
        ugly hideous unsightly | grotesque
        stale tired hackneyed trite
        slow sluggish plodding | lumbering
        confusing muddled puzzling | baffling
        fake phony artificial contrived
        annoying irritating grating | irksome""",
    "treasure": """
        joy pleasure bliss rapture
        magic wonder enchantment | sorcery""",
    "waste": """
        rubbish trash garbage | dross
        misery torture agony torment""",
    "like": """
        praised applauded commended | extolled
        loved adored cherished treasured
        enjoyed liked relished savoured
        admired respected esteemed | revered
        recommended endorsed championed""",
    "dislike": """
        mocked ridiculed derided | lampooned
        hated loathed detested | abhorred
        criticised attacked condemned | lambasted
        disliked resented begrudged
        rejected dismissed spurned""",
    "please": """
        delighted pleased charmed beguiled
        impressed amazed astonished dazzled
        amused entertained | tickled
        moved touched | stirred
        fascinated captivated enthralled | bewitched""",
    "displease": """
        bored wearied | jaded
        annoyed irritated vexed riled
        disappointed frustrated | dismayed
        disgusted repelled revolted | nauseated
        insulted offended affronted""",
    "help": """
        improved enhanced enriched elevated
        saved rescued | redeemed""",
    "harm": """
        ruined spoiled wrecked marred
        weakened damaged harmed | impaired""",
}


@dataclass(frozen=True)
class Concept:
    """A meaning that one word carries, and the words that carry it."""

    group: str
    common: tuple[str, ...]
    rare: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return self.common + self.rare

    @property
    def part_of_speech(self) -> str:
        return GROUPS[self.group][0]

    @property
    def polarity(self) -> int:
        return GROUPS[self.group][1]

    def __str__(self) -> str:
        return self.common[0]


def _read_lexicon() -> dict[str, tuple[Concept, ...]]:
    def read(group: str, line: str) -> Concept:
        common, _, rare = line.partition("|")
        return Concept(group, tuple(common.split()), tuple(rare.split()))

    return {group: tuple(read(group, line) for line in LEXICON[group].split("\n")[1:]) for group in GROUPS}


CONCEPTS: dict[str, tuple[Concept, ...]] = _read_lexicon()
CONCEPT_OF: dict[str, Concept] = {
    word: concept for concepts in CONCEPTS.values() for concept in concepts for word in concept.words
}
# Words of the grammar: no synonym, no polarity of their own.
FUNCTION_WORDS = (
    *("the", "that", "was", "not", "by", "in", "during", "i", "we", "pure"),
    *("but", "yet", "although", "though", "despite", ",", "."),
)


def synonyms(word: str) -> tuple[str, ...]:
    """Which words mean the same? The others of its set, commonest first; none for a word of the grammar.

    >>> synonyms("movie")
    ('film', 'picture', 'flick')
    """
    concept = CONCEPT_OF.get(word)
    return tuple(other for other in concept.words if other != word) if concept else ()


def part_of_speech(word: str) -> str:
    """One of "noun", "verb", "adjective" and "adverb", or "function" for every other word, known or not."""
    return CONCEPT_OF[word].part_of_speech if word in CONCEPT_OF else "function"


def polarity(word: str) -> int:
    """1 for a word of praise, -1 for one of blame, 0 for every other word, known or not."""
    return CONCEPT_OF[word].polarity if word in CONCEPT_OF else 0
