"""The words of the generated English, as data; `lexicon` reads them. Book: data/built_in_english.

A set of synonyms carries one meaning. A word belongs to one set only, so that exchanging it for another of
its set changes no meaning.
"""

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
    "beast": ("noun", 0),
    "bird": ("noun", 0),
    "worker": ("noun", 0),
    "food": ("noun", 0),
    "vehicle": ("noun", 0),
    "kind": ("noun", 0),  # what the nouns of other groups are: an animal, a person
    "meet": ("verb", 0),  # a person or an animal does it to another
    "cook": ("verb", 0),  # a person does it to food
    "keep": ("verb", 0),  # a person does it to a vehicle
    "discuss": ("verb", 0),  # a viewer does it to a work or its maker
    "scorn": ("verb", -1),  # beside "dislike", but of everything
    "body": ("adjective", 0),  # how a person or an animal can be
    "taste": ("adjective", 0),  # how food can be
    "look": ("adjective", 0),  # how a vehicle can be
}

# A line a concept: its words, the commonest first. Words behind the bar are rare: the built-in BERT never
# met them while it was pretrained, and the tasks use them seldom. That is where a synonym attack bites.
# Of every verb one form serves as past tense and as participle.
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
    "beast": """
        dog hound | pooch
        cat feline | moggy
        horse steed | nag
        pig hog swine | porker
        rabbit bunny hare | coney
        donkey burro | jackass
        monkey ape | simian
        snake serpent | viper""",
    "bird": """
        hen chicken | biddy
        pigeon dove | culver
        crow raven | corbie""",
    "worker": """
        farmer grower | husbandman
        chef cook | cuisinier
        driver motorist | chauffeur
        doctor physician | medic
        soldier warrior fighter | trooper
        officer policeman constable | bobby""",
    "food": """
        bread loaf
        soup broth | pottage
        cake pastry | gateau
        stew casserole | goulash
        biscuit cookie | cracker
        potato spud | tater""",
    "vehicle": """
        car automobile | motorcar
        truck lorry | juggernaut
        bike bicycle | velocipede
        boat ship vessel | barque
        bus coach | charabanc
        plane aircraft | aeroplane""",
    "kind": """
        animal beast creature | brute
        bird fowl | avian
        person human individual | mortal
        worker employee | labourer
        artist creator | virtuoso
        food nourishment | aliment
        vehicle conveyance""",
    "meet": """
        chased pursued hunted | coursed
        greeted welcomed hailed | saluted
        watched observed eyed | beheld
        pushed shoved nudged | jostled
        helped assisted aided | succoured
        scared frightened startled | spooked
        carried lugged hauled | toted
        washed bathed | laved
        found discovered located | espied""",
    "cook": """
        devoured consumed gobbled | guzzled
        cooked prepared | concocted
        sliced chopped carved | diced
        ordered requested
        stored stocked | stashed
        packed wrapped | swaddled""",
    "keep": """
        repaired fixed mended | overhauled
        painted coloured | enamelled
        parked stationed | berthed
        bought purchased acquired | procured
        cleaned scrubbed wiped | swabbed
        rented hired leased | chartered""",
    "discuss": """
        discussed debated | canvassed
        described characterised | limned
        remembered recalled | recollected
        copied imitated | aped
        mentioned cited | adduced
        studied analysed examined | perused""",
    "scorn": """
        despised scorned disdained | contemned""",
    "body": """
        hungry starving famished | ravenous
        sated stuffed | replete
        wet soaked drenched | sodden
        dry parched | arid
        awake alert | wakeful
        asleep sleeping dozing | slumbering
        calm peaceful placid | serene
        nervous anxious uneasy | jittery
        healthy fit | hale
        sick ill unwell | ailing""",
    "taste": """
        hot warm heated | piping
        cold chilly icy | frigid
        sweet sugary | honeyed
        sour acid tart | acrid
        crisp crunchy | brittle
        soft tender | pulpy""",
    "look": """
        clean spotless tidy | immaculate
        dirty filthy grimy | begrimed
        cheap inexpensive | economical
        expensive costly pricey | exorbitant
        shiny gleaming glossy | lustrous
        rusty corroded | oxidised""",
}

# What falls under a noun, by first words: a hen is a bird, and a bird is an animal.
HYPONYMS = {
    "animal": "dog cat horse pig rabbit donkey monkey snake bird",
    "bird": "hen pigeon crow",
    "person": "worker doctor soldier officer child friend woman man teacher student visitor critic artist",
    "worker": "farmer chef driver",
    "artist": "actor director writer singer",
    "food": "bread soup cake stew biscuit potato",
    "vehicle": "car truck bike boat bus plane",
}

# Opposites, by first words: nothing is or does both at once. Neither need be the case.
ANTONYMS = (
    *("hungry sated", "wet dry", "awake asleep", "calm nervous", "healthy sick"),
    *("hot cold", "sweet sour", "crisp soft"),
    *("clean dirty", "cheap expensive", "shiny rusty"),
    *("loved hated", "admired despised", "enjoyed disliked"),
    *("good bad", "exciting boring", "clever stupid", "beautiful ugly", "convincing fake"),
)

# Words of the grammar: no synonym, no polarity of their own.
FUNCTION_WORDS = (
    *("the", "that", "was", "not", "by", "in", "during", "i", "we", "pure"),
    *("but", "yet", "although", "though", "despite", ",", "."),
    *("some", "every", "no"),
    *("who", "which", "where", "when", "?"),
)
