"""The rules of a derivation, for `lim.apply(rule)`; each is one function from a line to the next.

>>> from symlimits import dual, limit, activations as act
>>> limit(dual(act.erf).definition).apply(price).apply(gaussian_integrals).apply(integrate).expr
2*asin(2*c/(sqrt(2*p + 1)*sqrt(2*q + 1)))/pi
"""

from symlimits.derivation.inline import inline
from symlimits.derivation.price import ROUTE, expand, gaussian_integrals, in_order, integrate, price
from symlimits.derivation.trace import Rule

__all__ = ["ROUTE", "Rule", "expand", "gaussian_integrals", "in_order", "inline", "integrate", "price"]
