"""Tables of the report: data to words, and words to HTML; used by its notebook."""

# ruff: noqa: F403 - what a module lists in its __all__ is public here too

from riskmodel.tables.answers import *
from riskmodel.tables.endpoints import *
from riskmodel.tables.evidence import *
from riskmodel.tables.ledger import *
from riskmodel.tables.page import *
from riskmodel.tables.setups import *
from riskmodel.tables.works import *
