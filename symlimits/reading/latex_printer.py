r"""The printer of formulas: SymPy's, with the habits of papers.

It changes how a formula looks, never what it is: roots of nonnegative factors share one root,
differences begin with what is added, an exponent is written on one line, and a recursion is
printed as one, never substituted into itself. Where lines are broken is said in `latex_breaks`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.sorting import default_sort_key

from symlimits.language.algebraic_decay import AlgebraicDecay
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.initial_value import InitialValue
from symlimits.language.integral import LineIntegral
from symlimits.language.pixels import PixelMean, PixelProduct, is_of_images
from symlimits.language.product import ProductExpectation
from symlimits.language.recursion import Recursion
from symlimits.language.spherical import SphericalIntegral
from symlimits.language.straight_line import StraightLine
from symlimits.reading.decimals import has_long_decimal, long_decimal
from symlimits.reading.latex_breaks import HEADS, BreakingPrinter
from symlimits.reading.latex_images import Pixels, image_rows, pixel_mean, pixel_product
from symlimits.reading.latex_initial_value import initial_value_rows, initial_values
from symlimits.reading.latex_laws import product_law
from symlimits.reading.latex_lines import line_sign, spherical_pieces
from symlimits.reading.latex_motion import letter, motion_rows, motions, moving_names
from symlimits.reading.latex_names import INDEX
from symlimits.reading.latex_order import divides, in_order, is_parameter, negated, negative, rank
from symlimits.reading.latex_programs import asked
from symlimits.reading.latex_straight_line import new_lines, straight_line_rows
from symlimits.reading.latex_systems import alike, systems, through
from symlimits.reading.latex_text import (
    TALL,
    brackets,
    continued,
    indexed,
    raised,
    rendered_width,
)

LONGEST_EXPONENT = 14  # letters; a longer one is written exp(...)

_INVERSE = re.compile("^a(?=(?:sin|cos|tan|cot|sec|csc)(h?)$)")


class Printer(BreakingPrinter):
    """SymPy's printer with the habits of papers; `names` holds the LaTeX of every symbol, `pixels` where fields are."""

    def __init__(self, names: Mapping[sp.Symbol, str], pixels: Pixels | None = None) -> None:
        super().__init__({"symbol_names": dict(names), "fold_frac_powers": True})
        self.names, self.pixels = dict(names), pixels

    # Sums, products and powers.

    def signed(self, expr: sp.Expr) -> list[tuple[str, sp.Expr]]:
        """The terms of a sum and their signs: constants and integrals last, no minus first if there is a plus."""
        terms = self._as_ordered_terms(expr)
        if not all(map(is_parameter, terms)):
            terms.sort(key=lambda term: 2 if term.has(sp.Integral) else is_parameter(term))
        if negative(terms[0]) and expr.is_polynomial() and expr.has(sp.Pow) and not negative(terms[-1]):
            terms.reverse()  # ascending powers
        elif negative(terms[0]):
            terms.sort(key=negative)
        pairs = [("- ", negated(term)) if negative(term) else ("+ ", term) for term in terms]
        return [(pairs[0][0].replace("+ ", ""), pairs[0][1]), *pairs[1:]]

    def _print_Add(self, expr: sp.Expr, order: str | None = None) -> str:
        return " ".join(sign + self._factor(term, alone=not term.is_Add) for sign, term in self.signed(expr))

    def _print_Mul(self, expr: sp.Expr) -> str:
        return self._product(expr.as_ordered_factors())

    def _print_Pow(self, expr: sp.Expr) -> str:
        return self._product([expr]) if divides(expr) else super()._print_Pow(expr)

    def _product(self, factors: Sequence[sp.Expr], alone: bool = True) -> str:
        """The sign, one fraction, the expectations and integrals; not `alone` if a factor follows."""
        number = sp.Mul(*(factor for factor in factors if factor.is_Rational))
        rest = [factor for factor in factors if not factor.is_Rational]
        if digits := long_decimal(number):
            return f"{digits} {self._product(rest, alone=False)}".strip().replace("-", "- ", 1 if number < 0 else 0)
        heads = in_order(factor for factor in rest if isinstance(factor, HEADS))
        above = [factor for factor in rest if not isinstance(factor, HEADS) and not divides(factor)]
        below, q = [1 / factor for factor in rest if divides(factor)], number.q
        for root in [f for f in above if f.is_Pow and f.base.is_Integer and f.exp == sp.S.Half and q % f.base == 0]:
            above.remove(root)  # u/sqrt(2), which SymPy holds as sqrt(2) u/2
            below, q = [*below, root], q // root.base
        above = [sp.Integer(abs(number.p))] * (abs(number.p) != 1) + above
        below = [sp.Integer(q)] * (q != 1) + below
        if heads and any(factor.has(*HEADS) for factor in below):  # as large below as above: one bar
            above, heads = [*above, *heads], []
        scalar = self._side(above, alone=bool(below) or (alone and number > 0 and not heads))
        if below:
            scalar = rf"\frac{{{scalar or 1}}}{{{self._side(below, alone=True)}}}"
        elif alone and not heads:
            scalar = scalar or "1"
        texts = [self._factor(head, alone=alone and head is heads[-1]) for head in heads]
        return ("- " if number < 0 else "") + r" \, ".join(filter(None, [scalar, *texts]))

    def _side(self, factors: Sequence[sp.Expr], alone: bool) -> str:
        """What stands above or below a fraction's bar; `alone`: a single sum needs no brackets."""
        roots: dict[sp.Expr, list[sp.Expr]] = defaultdict(list)  # of nonnegative numbers: they share a root
        others: list[sp.Expr] = []
        for factor in factors:
            fractional = factor.is_Pow and factor.exp.is_Rational and not factor.exp.is_Integer
            if fractional and factor.base.is_nonnegative:
                roots[factor.exp].append(factor.base)
            else:
                others.append(factor)
        alone = alone and len(others) + len(roots) == 1
        texts = [(rank(factor), self._factor(factor, alone)) for factor in others]
        texts += [(0 if all(b.is_number for b in bases) else 4, self._root(bases, e)) for e, bases in roots.items()]
        product = ""
        for _, text in sorted(texts, key=lambda pair: pair[0]):
            confusing = product[-1:].isdigit() and (text[0].isdigit() or text.startswith(r"\mathbf{1}"))  # 2 1_{u > 0}
            product += (r" \cdot " if confusing else " " * bool(product)) + text
        return product

    def _root(self, bases: Sequence[sp.Expr], exponent: sp.Rational) -> str:
        inside = self._side(bases, alone=True)
        if exponent == sp.S.Half:
            return rf"\sqrt{{{inside}}}"
        base = self.parenthesize_super(inside) if len(bases) == 1 and bases[0].is_Symbol else brackets(inside)
        return f"{base}^{{{exponent}}}"

    def _factor(self, expr: sp.Expr, alone: bool) -> str:
        tex = self._print(expr)
        if alone or not (expr.is_Add or isinstance(expr, (sp.Piecewise, sp.Integral, sp.Sum)) or tex.startswith("-")):
            return tex
        return brackets(tex)

    def _add_parens(self, s: str) -> str:
        return brackets(s)

    def parenthesize_super(self, s: str) -> str:
        """A second exponent: K^l squared needs brackets, k^l(x, z) squared does not."""
        return brackets(s) if "^" in s and not s.endswith(")") else s

    def parenthesize(self, item: sp.Expr, *args: object, **kwargs: object) -> str:
        """A state's layer is a raised: a power needs brackets around it."""
        tex = super().parenthesize(item, *args, **kwargs)
        return brackets(tex) if isinstance(item, Recursion) else tex

    def _print_Rational(self, expr: sp.Rational) -> str:
        return long_decimal(expr) or str(super()._print_Rational(expr))

    def _print_exp(self, expr: sp.Expr, exp: str | None = None) -> str:
        above, below = (expr.exp, sp.S.One) if has_long_decimal(expr.exp) else sp.fraction(sp.together(expr.exp))
        sign = "-" if above.could_extract_minus_sign() else ""
        above = -above if sign else above
        exponent = sign + self._factor(above, alone=not sign and below == 1)
        exponent += f"/{self._print(below)}" if below != 1 else ""
        if below.is_Atom and rendered_width(exponent) <= LONGEST_EXPONENT and not TALL.search(exponent):
            power = f"e^{{{exponent}}}"
        else:
            power = rf"\exp{brackets(self._print(expr.exp))}"
        return f"{brackets(power)}^{{{exp}}}" if exp else power

    # Functions.

    def _print_Function(self, expr: sp.Expr, exp: str | None = None) -> str:
        name = type(expr).__name__
        if hasattr(self, f"_print_{name}") and not isinstance(expr, AppliedUndef):
            return getattr(self, f"_print_{name}")(expr, exp)
        full = _INVERSE.sub(lambda match: "ar" if match[1] else "arc", name)  # arcsin, but arsinh
        return self._call(self._hprint_Function(full), expr.args, exp)

    def _call(self, name: str, arguments: Iterable[sp.Expr], exp: str | None = None) -> str:
        return name + raised(exp) + brackets(", ".join(map(self._print, arguments)))

    def _print_log(self, expr: sp.Expr, exp: str | None = None) -> str:
        return self._call(r"\log", expr.args, exp)

    def _print_LambertW(self, expr: sp.Expr, exp: str | None = None) -> str:
        return self._call(r"\operatorname{LambertW}", expr.args, exp)  # W is a weight

    def _print_Abs(self, expr: sp.Expr, exp: str | None = None) -> str:
        return rf"\left|{self._print(expr.args[0])}\right|" + raised(exp)

    def _print_Max(self, expr: sp.Expr, exp: str | None = None) -> str:
        return self._call(rf"\{type(expr).__name__.lower()}", sorted(expr.args, key=default_sort_key)) + raised(exp)

    _print_Min = _print_Max

    def _print_Heaviside(self, expr: sp.Expr, exp: str | None = None) -> str:
        """An indicator (theta is the tangent kernel), its condition solved for the variable."""
        constant, rest = expr.args[0].as_independent(*expr.free_symbols, as_Add=True)
        smaller, larger = (-constant, rest) if not rest.could_extract_minus_sign() else (-rest, constant)
        order = [rest, ">", smaller] if larger is rest else [smaller, "<", larger]
        return rf"\mathbf{{1}}_{{{' '.join(o if isinstance(o, str) else self._print(o) for o in order)}}}" + raised(exp)

    def _print_DiracDelta(self, expr: sp.Expr, exp: str | None = None) -> str:
        order = f"({self._print(expr.args[1])})" if len(expr.args) > 1 and expr.args[1] != 0 else None
        return self._call(r"\delta", expr.args[:1], order) + raised(exp)

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        rows = [f"{self._print(piece)} & {self._condition(condition)}" for piece, condition in expr.args]
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def _condition(self, condition: sp.Basic) -> str:
        return r"\text{otherwise}" if condition == sp.true else rf"\text{{if }} {self._print(condition)}"

    # Integrals, expectations, recursions.

    def _print_Integral(self, expr: sp.Integral) -> str:
        return self._integral_signs(expr) + self._factor(expr.function, alone=False) + self._differentials(expr)

    def _integral_signs(self, expr: sp.Integral) -> str:
        ends = [limit.args[1:] if len(limit) == 3 else () for limit in reversed(expr.limits)]
        scripts = (f"_{{{self._print(pair[0])}}}^{{{self._print(pair[1])}}}" if pair else "" for pair in ends)
        return "".join(rf"\int{script} " for script in scripts)

    def _differentials(self, expr: sp.Integral) -> str:
        return "".join(rf" \,d{self._print(limit[0])}" for limit in expr.limits)

    def _print_LineIntegral(self, expr: LineIntegral) -> str:
        return (
            line_sign(self._print, expr.strip, expr.variable)
            + self._factor(expr.integrand, alone=False)
            + rf" \,d{self._print(expr.variable)}"
        )

    def _print_SphericalIntegral(self, expr: SphericalIntegral) -> str:
        return " ".join(spherical_pieces(self._opened, self._print, expr, float("inf")))

    def _print_factorial(self, expr: sp.Expr, exp: str | None = None) -> str:
        """Of what is no integer, as a Gamma function."""
        (n,) = expr.args
        if n.is_integer:
            return str(super()._print_factorial(expr, exp))
        gamma = rf"\Gamma\left({self._print(n + 1)}\right)"
        return gamma if exp is None else brackets(gamma) + raised(exp)

    def _print_RisingFactorial(self, expr: sp.Expr, exp: str | None = None) -> str:
        """As a ratio of Gamma functions, which readers know."""
        x, k = expr.args
        ratio = rf"\frac{{\Gamma\left({self._print(x + k)}\right)}}{{\Gamma\left({self._print(x)}\right)}}"
        return ratio if exp is None else brackets(ratio) + raised(exp)

    def _print_Symbol(self, expr: sp.Symbol, *args: object, **kwargs: object) -> str:
        tex = str(super()._print_Symbol(expr, *args, **kwargs))
        return tex if self.pixels is None else tex + self.pixels.of(expr)

    def _print_PixelMean(self, expr: PixelMean) -> str:
        return pixel_mean(self, expr)

    def _print_PixelProduct(self, expr: PixelProduct) -> str:
        return pixel_product(self, expr)

    def _print_GaussianExpectation(self, expr: GaussianExpectation) -> str:
        variables, covariance = ", ".join(map(self._print, expr.variables)), expr.covariance
        if len(expr.variables) == 1:
            law = rf"{variables} \sim \mathcal{{N}}(0, {self._print(covariance[0, 0])})"
        else:
            entries = r" \\ ".join(" & ".join(map(self._print, row)) for row in covariance.tolist())
            matrix = rf"\left(\begin{{smallmatrix}} {entries} \end{{smallmatrix}}\right)"
            law = rf"({variables}) \sim \mathcal{{N}}\left(0, {matrix}\right)"
        return rf"\mathbb{{E}}_{{{law}}}\left[{self._print(expr.integrand)}\right]"

    def _print_ProductExpectation(self, expr: ProductExpectation) -> str:
        law, part = product_law(expr, self._print(expr.variable)), any(p < 1 for _, p, _ in expr.layers)
        inside = self._print(expr.integrand) + (rf";\, {self._print(expr.variable)} > 0" if part else "")
        return rf"\mathbb{{E}}_{{{law}}}\left[{inside}\right]"

    def _print_AlgebraicDecay(self, expr: AlgebraicDecay) -> str:
        """What is asked for; `equations` say what is iterated."""
        inside = Printer({**self.names, expr.variable: rf"{self.names[expr.variable]}_{{{INDEX}}}"})
        return rf"\lim_{{{INDEX} \to \infty}} \left[{INDEX} \, {inside._factor(expr.integrand, alone=False)}\right]"

    def _iterated(self, limit: AlgebraicDecay, room: float) -> list[str]:
        """The row of an iterated map."""
        name = self.names[limit.variable]
        inside = Printer({**self.names, limit.variable: rf"{name}_{{{INDEX}}}"})
        return inside.equation(rf"{name}_{{{INDEX} + 1}}", limit.image, room, ",")

    def _print_Recursion(self, expr: Recursion) -> str:
        """The last value of the output; `equations` say how it comes about."""
        return indexed(self.names[expr.output], self._print(1 + sum(count for _, count in expr.stages)))

    def _print_ContinuousDepth(self, expr: ContinuousDepth) -> str:
        """The limit of the last value; `equations` say how it comes about."""
        return rf"\lim_{{{self._print(expr.depth)} \to \infty}} {self._print(expr.recursion)}"

    def equations(self, expr: sp.Expr, room: float, before: sp.Expr | None = None) -> list[str]:
        """The rows that define the recursions in an expression; start values only if they are new since `before`."""
        known = {recursion.args[:2] for recursion in (systems(before) if before is not None else ())}
        rows: list[str] = []
        for recursion in systems(expr):
            if is_of_images(recursion):
                rows += image_rows(self, recursion, room, recursion.args[:2] not in known)
                continue
            rows += [] if recursion.args[:2] in known else self._start(recursion, room)
            rows += self._maps(recursion, room)
        for motion in motions(expr, before):
            inside = Printer({**self.names, **moving_names(motion, self.names)})
            rows += motion_rows(motion, inside, self.names[letter(motion.state)])
        for line in new_lines(expr, before):
            rows += straight_line_rows(self, line, room, before)
        images = {limit.args[1:]: limit for limit in sorted(expr.atoms(AlgebraicDecay), key=default_sort_key)}
        for limit in images.values():
            rows += self._iterated(limit, room)
        for problem in initial_values(expr):
            rows += initial_value_rows(self, problem, room)
        return [*rows[:-1], *(row.removesuffix(",") for row in rows[-1:])]

    def _print_StraightLine(self, expr: StraightLine) -> str:
        """What is asked for; `equations` say how it comes about."""
        return str(self._print(asked(expr)))

    def _print_InitialValue(self, expr: InitialValue) -> str:
        """What is asked for, at the time; `equations` say how it moves."""
        time = self._print(expr.time)
        moving = {x: f"{self.names[x]}({time})" for x in expr.variables}
        return str(Printer({**self.names, **moving}).doprint(expr.output))

    def _start(self, recursion: Recursion, room: float) -> Iterator[str]:
        same: dict[sp.Expr, list[str]] = {}
        for state, value in zip(recursion.states, recursion.start, strict=True):
            same.setdefault(value, []).append(indexed(self.names[state], "1"))
        for value, (first, *others) in same.items():
            yield from self.equation(first, value, room, ",", others)

    def equation(self, left: str, right: sp.Expr, room: float, after: str, equals: Sequence[str] = ()) -> list[str]:
        """Its rows; `equals` are other left-hand sides of the same right-hand side."""
        between = "".join(f" {other} =" for other in equals)
        rows = self.rows(right, room - rendered_width(f"{left} ={between}"), after)
        return continued(f"{left} &={between}", rows)

    def _maps(self, recursion: Recursion, room: float) -> Iterator[str]:
        layer = {state: indexed(self.names[state], INDEX) for state in recursion.states}
        inside, first = Printer({**self.names, **layer}), sp.Integer(1)
        for maps, count in recursion.stages:
            same: dict[sp.Expr, list[list[sp.Symbol]]] = {}
            for whole, group in alike(dict(zip(recursion.states, maps, strict=True))):
                same.setdefault(whole, []).append(group)
            done: dict[sp.Expr, sp.Symbol] = {}
            for whole, groups in same.items():
                expr = through(whole, done)
                done[whole] = new = sp.Dummy()
                names = [[indexed(self.names[state], f"{INDEX} + 1") for state in group] for group in groups]
                (left, *equals), others = zip(*((name, rest) for name, *rest in names), strict=True)
                inside.names[new] = inside._settings["symbol_names"][new] = left
                likewise = [name for rest in others for name in rest]
                after = rf", \quad \text{{likewise }} {', '.join(likewise)}," if likewise else ","
                if whole == list(same)[-1]:
                    after += rf" \quad {INDEX} = {self.range(first, count)},"
                yield from inside.equation(left, expr, room, after, equals)
            first += count

    def range(self, first: sp.Expr, count: sp.Expr) -> str:
        if count in (1, 2, 3):
            return ", ".join(self._print(first + i) for i in range(count))
        return rf"{self._print(first)}, \dots, {self._print(first + count - 1)}"
