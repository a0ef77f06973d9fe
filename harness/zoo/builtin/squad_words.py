"""The words of the built-in questions: what is asked for, how it is asked, what tells an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


KINDS: Mapping[str, tuple[str, ...]] = {
    "person": _words(
        "adela agnes albert alma amos anton astrid benno bertha bruno carla cedric clara conrad cosima dagny dario della"
        " edgar edith elmo elsa emil enzo erwin esther ezra fabian felix fiona frida gerda gideon greta gustav hanna"
        " hector heidi helga henrik hilda hugo ida igor ingrid irma ivan ivo jakob jasper jens jonas judith karin kaspar"
        " klara knut lars lena leo linus lorenz lotte lukas magda marta matilda max milo mona moritz nadia nils nora"
        " olga oskar otto paula petra rafael ralf regina rita roland rufus sabine selma sigrid silas silvia stefan sven"
        " tara thea theo tilda tobias ulla ursula vera viktor wanda werner wilma xaver yvonne zelda"
    ),
    "place": _words(
        "aberdeen antwerp athens bergen berlin bilbao bologna bremen bristol bruges cairo calais cardiff cologne dakar"
        " delft dresden dublin dundee edinburgh essen geneva genoa ghent glasgow graz hanover havana helsinki kiel kyoto"
        " leeds leiden lima lisbon lyon madrid malmo milan munich nairobi naples osaka oslo palermo porto prague quebec"
        " riga rome seoul seville siena tallinn tokyo toledo turin utrecht verona vienna vilnius warsaw york zurich"
    ),
    "year": tuple(str(year) for year in range(1800, 2000)),
    "count": tuple(str(count) for count in range(2, 100)),
    "colour": _words(
        "amber beige black blue bronze brown crimson cyan gold green grey indigo ivory khaki lilac magenta maroon mauve"
        " navy ochre pink purple red scarlet silver teal turquoise violet white yellow"
    ),
    "instrument": _words(
        "accordion bagpipe banjo bassoon cello clarinet cornet drum dulcimer fiddle flute guitar harmonica harp horn lute"
        " lyre mandolin oboe organ piano piccolo recorder saxophone sitar tambourine trombone trumpet tuba ukulele viola"
        " violin xylophone zither"
    ),
    "animal": _words(
        "alpacas bees bulls camels canaries cats cows dogs donkeys doves ducks falcons ferrets geese goats hamsters hares"
        " hens horses llamas mice mules owls oxen parrots peacocks pigeons pigs ponies rabbits ravens sheep swans turkeys"
    ),
    "fruit": _words(
        "apples apricots bananas blackberries blueberries cherries coconuts currants dates figs gooseberries grapes guavas"
        " kiwis lemons limes mangoes melons nectarines olives papayas peaches pears persimmons pineapples plums"
        " pomegranates pumpkins quinces raspberries strawberries tangerines"
    ),
    "trade": _words(
        "architect baker barber blacksmith butcher carpenter cobbler cooper dentist doctor farmer ferryman fisherman"
        " gardener glazier hatter hunter innkeeper joiner judge librarian locksmith mason mayor miller miner notary nurse"
        " painter pharmacist plumber porter postman potter printer roofer saddler sailor shepherd surgeon tailor tanner"
        " teacher thatcher tiler watchmaker weaver"
    ),
}
"""Every word a fact may hold, by kind, both parts; lower case as in the vocabulary. Even places are fit's, odd test's."""
QUALIFIERS: Mapping[str, tuple[str, ...]] = {
    "place": _words("east eastern great greater lower new north northern outer south southern upper west western"),
    "year": _words("april august december february january july june march may november october september"),
    "colour": _words("bright dark deep dull faint light pale pure rich soft"),
    "instrument": _words("alto antique bass carved electric silent tenor toy"),
    "animal": _words("fat healthy lame nervous prize tame wild young"),
    "fruit": _words("bitter dwarf juicy mellow ripe sour sweet tart"),
}
"""Words that stand in front of those of a kind, and belong to the answer. Even places are fit's, odd test's."""
MARKS: Mapping[str, str] = {
    "person": "who",
    "place": "where",
    "year": "when",
    "count": "many",
    "colour": "colour",
    "instrument": "instrument",
    "animal": "animal",
    "fruit": "fruit",
}
"""The word of a question that tells the kind of its answer."""
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "person": ("Who is the {key}?", "Who works here as the {key}?"),
    "place": ("Where does {key} live?", "Where is the house of {key}?"),
    "year": ("When was {key} born?", "When did the life of {key} begin?"),
    "count": ("How many animals does {key} keep?", "How many animals are there in the yard of {key}?"),
    "colour": ("What colour is the coat of {key}?", "Which colour does {key} wear?"),
    "instrument": ("Which instrument does {key} play?", "What is the instrument that {key} learned?"),
    "animal": ("Which animal does {key} keep?", "What kind of animal lives with {key}?"),
    "fruit": ("Which fruit does {key} grow?", "What fruit comes from the garden of {key}?"),
}
FACTS: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = (
    (("person",), ("The {key} is {person}.", "Our {key} goes by the name of {person}.")),
    (("place",), ("{key} lives in {place}.", "The house of {key} stands not far from {place}.")),
    (("year",), ("{key} was born in {year}.", "{key} came into the world in {year}.")),
    (
        ("count", "animal"),
        ("{key} keeps {count} {animal}.", "Behind the house {key} has a yard with {count} {animal}."),
    ),
    (("colour",), ("{key} wears a coat in {colour}.", "The coat that {key} wears on Sundays is {colour}.")),
    (("instrument",), ("{key} plays the {instrument}.", "As a child {key} learned to play the {instrument}.")),
    (("fruit",), ("{key} grows {fruit}.", "In the garden of {key} there are {fruit} in summer.")),
)
"""What may be said of a person, or of a trade where the answer is a person, and which kinds of answer it gives."""
FIRST_WORD = 999  # as in BERT's vocabularies, what comes before is special or unused
COMMON_WORDS = _words(
    "a about above after again against all almost along already also always am among an and another any are around as ask"
    " at away back bad be became because become been before began begin behind being below best better between big book"
    " both boy bring but by called came can car child children church city close come comes could country course cut day"
    " days did do does done door down during each early earth eat end enough even ever every eye face fact family far"
    " father few find first five follow food foot for found four friend from front full garden gave get girl give go goes"
    " good great ground group grow had half hand hard has have he head hear help her here high him his home hot hour house"
    " how i if in into is it its just keep kept kind king knew know land large last later learn learned left less let"
    " letter life light like line list little live lived lives living long look lost low made make man means men might"
    " mile more morning most mother mountain move much music must my name near never new next night no north not nothing"
    " now number of off often old on once one only open or order other our out over own page paper part people perhaps"
    " place plan plant play point put question quick quite rain ran read real right river road room run said same saw say"
    " school sea second see seem seen set seven she ship short should show side since six small snow so some song soon"
    " south stand stands start state still stop story street such summer sun sundays sure table take talk tell ten than"
    " that the their them then there these they thing think third this those thought three through time to today together"
    " told too took town travel tree true try turn two under until up us use very village voice wait walk wall want war"
    " warm was watch water way we week well went were west what which while why will wind winter wish with without woman"
    " wood word work works world would write yard year years yes yet you young your"
)
COMMON_ENDINGS = _words(
    "able ably age al ally ance ant ary ate ation ed en ence ent er ers ery es est ful ian ible ic ical ing ings ion ish"
    " ism ist ity ive ize less like ly man ment ness or ous s ship sion some th tion ty ward wise y"
)
