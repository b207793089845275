"""Pictures: one question a function; axes in, axes and a caption out; the caption is the alt text.

Question answered: *what does a reader see at a glance, and what would be said to someone who cannot see it?*
``levels``, ``comparisons``, ``choices``, ``consequences``, ``methods``, ``judgement``, ``facts``,
``calendar_facts``, ``record``, ``reliability`` and ``checks`` draw; ``house`` is how all of them look and are shown.
"""

# ruff: noqa: F403 - what a module lists in its __all__ is public here too

from riskmodel.plots.calendar_facts import *
from riskmodel.plots.checks import *
from riskmodel.plots.choices import *
from riskmodel.plots.comparisons import *
from riskmodel.plots.consequences import *
from riskmodel.plots.facts import *
from riskmodel.plots.house import *
from riskmodel.plots.judgement import *
from riskmodel.plots.levels import *
from riskmodel.plots.methods import *
from riskmodel.plots.record import *
from riskmodel.plots.reliability import *
