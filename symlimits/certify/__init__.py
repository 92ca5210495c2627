"""Three links between a formula and a finite network, so that a fault has an address.

*simulation*: the experiment agrees with the first line, statistically; *lines*: each line equals the
next, at high precision; *compiled*: the compiled kernel agrees with the last line. A module a link;
they take the parts of a limit and know nothing of topics. A truncated series, which equals
nothing, has a link of its own: *expansion*, the order of what it leaves out. *general* compares a special
algorithm with the engine of tensor programs, which knows no topic.
"""

from symlimits.certify.agreement import ROUNDING
from symlimits.certify.certificate import (
    MARKS,
    PRECISE,
    PROVED,
    STATISTICAL,
    UNDECIDED,
    Certificate,
    Link,
    certificate,
    digest,
)
from symlimits.certify.compiled import check_compiled
from symlimits.certify.decided import KINDS as DECIDED
from symlimits.certify.decided import MOST as MOST_ROUNDS
from symlimits.certify.decided import decide
from symlimits.certify.differences import Difference, differences
from symlimits.certify.expansion import check_expansion
from symlimits.certify.judgement import check_kind, judge
from symlimits.certify.laws import Question, wave_questions
from symlimits.certify.lines import check_lines
from symlimits.certify.samples import ALPHA, Samples, check_samples, summarize
from symlimits.certify.simulation import Drawing, claim_hash, simulate

__all__ = [
    "ALPHA",
    "DECIDED",
    "MARKS",
    "MOST_ROUNDS",
    "PRECISE",
    "PROVED",
    "ROUNDING",
    "STATISTICAL",
    "UNDECIDED",
    "Certificate",
    "Difference",
    "Drawing",
    "Link",
    "Question",
    "Samples",
    "certificate",
    "check_compiled",
    "check_expansion",
    "check_kind",
    "check_lines",
    "check_samples",
    "claim_hash",
    "decide",
    "differences",
    "digest",
    "judge",
    "simulate",
    "summarize",
    "wave_questions",
]
