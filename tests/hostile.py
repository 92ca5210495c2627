"""Formulas that are well formed, and texts that attack or exhaust a parser: strategies for every entrance."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from symlimits.errors import SymlimitsError
from symlimits.language.building import FUNCTIONS

COMMON: dict[str, Any] = {
    "deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)
}  # fmt: skip
QUICK, MANY = settings(max_examples=120, **COMMON), settings(max_examples=1000, **COMMON)
SECONDS = 1.0  # of processor time for one formula, in the slow tests: ten times the promise of 0.1 s


def attempt(function: Any, *args: Any) -> tuple[Any, SymlimitsError | None]:
    """What a function returns, and the error of ours that it raises; any other error is a failure."""
    try:
        return function(*args), None
    except SymlimitsError as error:
        return None, error


ATOMS = st.sampled_from(["x", "x", "s", "0", "1", "2", "-1", "1/2", "7.5", "pi", "E", "100", "10**20", "1e-300"])
ONE = st.sampled_from([name for name, (arity, _) in FUNCTIONS.items() if arity == 1])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "**"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda t: f"({t[0]}){t[1]}({t[2]})"),
        st.tuples(ONE, inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["max", "Min", "binomial"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    )


FORMULAS = st.recursive(ATOMS, larger, max_leaves=10)
JUNK = ["(", ")", "*", "**", "+", "-", ".", ",", "9" * 20, "1e", "e", "j", "J", "_", "__", "'", '"', "[", "]", "{", "}"]
JUNK += ["\\", "\n", "\t", "\0", "#", "@", "!", "%", "&", "|", "^", "~", "`", ";", ":", "<", "=", ":=", "?", "lambda "]
JUNK += ["if ", " or ", "ｘ", "²", "σ", "１", "\u200b", "\u202e", "\ud800", "ﬁ", "ℯ", "x.", "(x)", "10**900", "f'"]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A formula with pieces cut out, repeated, or put in."""
    text, random = draw(FORMULAS), draw(st.randoms(use_true_random=False))
    for _ in range(random.randint(1, 4)):
        i, j = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
        middle = random.choice(["", text[i:j] * 2, random.choice(JUNK), text[i:j] + random.choice(JUNK)])
        text = text[:i] + middle + text[j:]
    return text


@st.composite
def bombs(draw: st.DrawFn) -> str:
    """A formula that is short, and large: a tower, a chain of functions, a sum, a product, an expansion."""
    inner, count = draw(st.sampled_from(["x", "2", "9", "x + 1", "pi", "exp(x)"])), draw(st.integers(2, 5000))
    name = draw(st.sampled_from([*FUNCTIONS, ""]))
    shapes = [
        "**".join([inner] * count),
        f"{name}(" * count + inner + ")" * count,
        "+".join([f"{name}({inner})"] * count),
        "*".join(f"({inner} + {k})" for k in range(count)),
        f"({inner} + 1)**{count}",
        f"({inner} + s + 1)**{count}*({inner} + 2)**{count}",
        f"{inner}**{'9' * count}",
        f"{'9' * count}*{inner}",
        f"{inner}*1e{'9' * (count // 100 + 1)}",
        f"{name}({inner}*10**{count})",
        f"{inner}" + "/3" * count,
        "-" * count + inner,
        f"{name}({', '.join([inner] * count)})",
    ]
    return draw(st.sampled_from(shapes))


TEXTS = """__class__ eval os __import__('os').system('x') x.__class__ x.real x[0] (x:=1) lambda:x
lambda'x':0 'x' b'x' f'{x}'
f"{x!r:>{9}}" "x"*9 [x] {x} {x:x} x,x x@x x//2 x%2 x|x x&x x^x ~x x<x x==x x!=x x<<9 x>>1 not(x) (yield) await(x)
x;x x#x x\\ 1_0 0x10 0b1 0o7 1j 1J I*x oo -oo nan zoo inf 1e999999 1e-999999 1e400*x 1.e 1..2 .5. .e1 ٣ ３*x x² ½ ∞
ｘ ﬁ ⅇ𝑥 𝐱 x\u200b x\u00a0+1 \ufeffx sqrt(-1) log(-1) log(0) 1/0 0**-1 0/0 0**0-1/0 gamma(0) gamma(-3)
tan(pi/2) (-1)**x
(-8)**(1/3) asin(2) acosh(0) atanh(1) atanh(2) log(-1)**2 sqrt(-1)**2 factorial(-1) binomial(-1,-1)
True None ... x... print(x)
exec(x) exp(x=1) exp(*x) exp(**x) exp()() exp(exp) (exp)(x) x(x) 2(x) ()() () (,) x,, x\x0b+1
x\x0c+1 x\x1d1 \x85 \u2028"""
SYNTAX = re.split("[ \n]", TEXTS)
HOSTILE = st.one_of(st.text(max_size=40), damaged(), damaged(), bombs(), st.sampled_from(SYNTAX))
