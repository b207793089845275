"""Study -> facts: through which routes can which state's law reach a setup, and how sure is each fact?

Question answered: *what connects this setup to a foreign jurisdiction?* Ownership chains are walked
(:mod:`~riskmodel.nexus.ownership`), wordings of law are matched to facts only through ``data/route_map.csv``
(:mod:`~riskmodel.nexus.programmes`), and what is not known becomes an :class:`Unknown` with a stated probability
instead of a "no" (:mod:`~riskmodel.nexus.unknowns`).

Recorded facts may be wrong too. A link of ownership, a licensor, an establishment, staff or a certificate of medium or
low ``confidence`` holds with the posterior probability ``fact_true`` of that confidence. Facts of high confidence
(official text, named press) are taken as certain, which keeps the exact integral small, and so are a provider's seat
and the infrastructure it runs on. A date of a certificate known only to the month or the year counts as the middle of
it: over years that differs little from a day drawn in it, and no answer depends on where else the horizon is cut.
"""

from riskmodel.nexus._rows import split
from riskmodel.nexus.certificates import SCHEMES, Status
from riskmodel.nexus.programmes import Programme, foreign_programmes
from riskmodel.nexus.setups import EQUAL_TERMS, TERMS, Option, Segment, SetupFacts, equal_terms, setup_facts
from riskmodel.nexus.unknowns import Alternative, Fact, Learnt, Question, Unknown

__all__ = [
    "EQUAL_TERMS",
    "SCHEMES",
    "TERMS",
    "Alternative",
    "Fact",
    "Learnt",
    "Option",
    "Programme",
    "Question",
    "Segment",
    "SetupFacts",
    "Status",
    "Unknown",
    "equal_terms",
    "foreign_programmes",
    "setup_facts",
    "split",
]
