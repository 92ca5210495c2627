"""The limit of a network of images: its arguments are two images, where a dense kernel has three numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp

from symlimits import certify as links
from symlimits import storing
from symlimits.certify.images import check_images, random_images
from symlimits.chain import Derivation
from symlimits.errors import DataError, DomainError, FormulaError, NoRule
from symlimits.finite.functional import Functional
from symlimits.ladder import Value, is_closed
from symlimits.language.domain import Domain, Point, relevant
from symlimits.language.least_image import least_image
from symlimits.language.names import shown
from symlimits.language.recursion import Recursion
from symlimits.language.substitution import substituted
from symlimits.limits import Limit
from symlimits.reading.image_data import as_images
from symlimits.reading.image_reference import exact_image, image_reference
from symlimits.reading.latex import latex

DRAWN_DIGITS, CLAIMED_DIGITS = 15, 20
ONE_IMAGE = "one image (H, W, C), or one sequence (W, C)"


@dataclass(frozen=True, repr=False)
class ImageLimit(Limit):
    """A kernel of images: `K(X)`, `K(X, Z)`; `reference` and `evaluate` take two images.

    Certificates draw networks, and compare lines and code, on the smallest images that the network takes.
    """

    def reference(self, *values: object, digits: int = 30, **parameters: object) -> Any:
        """The kernel of two images, of numbers or exact strings, to `digits` digits; mpmath, no compiled code.

        Raises `DataError` for what are no two images of one size, `UnboundSymbol` for a parameter without a value.
        """
        if parameters:
            return self.bind(**parameters).reference(*values, digits=digits)
        x, z = self._images(values)
        return _truth(self._line, self.definition, x, z, digits)

    def evaluate(self, *values: object, **parameters: object) -> Value:
        """The kernel of two images as `Value(value, error, method)`, its error against 20 digits."""
        if parameters:
            return self.bind(**parameters).evaluate(*values)
        x, z = self._images(values)
        number = float(self.compile()(x[None].astype(float), z[None].astype(float))[0, 0])
        truth = float(_truth(self._line, self.definition, x, z, CLAIMED_DIGITS))
        error = abs(number - truth) + max(abs(number), abs(truth)) * 2.0**-52
        return Value(number, error, f"closed form, compiled; error against {CLAIMED_DIGITS} digits")

    def on_sphere(self, q: object) -> Derivation:
        """No map of one correlation: raises `NoRule`, since pixels of images have correlations of their own."""
        raise NoRule(f"the sphere map of {self.name} of images", "a network without pixels", "sl.mlp(...)")

    @property
    def _line(self) -> Recursion:
        return self.recursion

    def _images(self, values: tuple[object, ...]) -> tuple[Any, Any]:
        if len(values) != 2:
            raise DataError(f"{len(values)} images", "two", "K.reference(x, z)")
        try:
            x, z = (exact_image(value) for value in values)
        except (TypeError, ValueError):
            raise DataError("an image with other entries than numbers", ONE_IMAGE, "numpy arrays") from None
        if x.ndim not in (2, 3) or x.shape != z.shape or 0 in x.shape:
            raise DataError(f"images of shape {x.shape} and {z.shape}", f"two of one size: {ONE_IMAGE}", "X[0], Z[0]")
        as_images(x[None].astype(float), "x", least_image(self.definition).axes)
        return x, z

    # ------------------------------------------------------------ certificates

    def _asked(self, seed: int, scale: int = 1) -> tuple[Any, Point, list[links.Question]]:
        point = self._point_of(seed, scale)
        x, z = random_images(self._shape, seed) / np.sqrt(scale)
        value = float(self._value_of(point, x, z, DRAWN_DIGITS))
        experiment = self.experiment.on(point, (x, z)) if hasattr(self.experiment, "on") else self.experiment
        return experiment, point, [links.Question(Functional(self.kind), value)]

    def _point_of(self, seed: int, scale: int = 1) -> Point:
        (point,) = self.domain.mixed_points(seed, corners=0, interior=1) if self.domain.ranges else [{}]
        return self.domain.shrunk(point, scale)

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of the images of certificates."""
        return least_image(self.definition).shape

    @staticmethod
    def _at(line: Any, point: Point) -> Recursion:
        known = relevant(point, line)
        return substituted(line, known) if known else line

    def _value_of(self, point: Point, x: Any, z: Any, digits: int) -> Any:
        last, definition = (self._at(line, point) for line in (self._line, self.definition))
        return _truth(last, definition, exact_image(x), exact_image(z), digits)

    def _compiled_link(self, domain: Domain, seed: int) -> links.Link:
        if not is_closed(self.expr):
            return links.Link("compiled", None, "an expectation is left: values come from quadrature")
        return check_images(self._line, self._compile_with, domain, self._shape, seed)

    def _compile_with(self, parameters: Point) -> Any:
        return (self._bound(parameters) if parameters else self).compile()

    def _claimed(self, domain: Domain, seed: int) -> dict[str, Any]:
        """The statement as JSON; its value at the images and the point of the first link."""
        try:
            lines = json.loads(storing.written(self._parts))
        except FormulaError:
            lines = None
        point, images = self._point_of(seed), random_images(self._shape, seed)
        number = self._value_of(point, images[0], images[1], CLAIMED_DIGITS)
        where = {str(symbol): str(value) for symbol, value in point.items()} | {"images": images.tolist()}
        value = {
            "point": where,
            "midpoint": mp.nstr(number, CLAIMED_DIGITS),
            "method": "mpmath",
            "level": links.PRECISE,
        }
        value["radius"] = mp.nstr(abs(number) * mp.mpf(10) ** -CLAIMED_DIGITS, 3)
        said = {"latex": f"{self.name} = {latex(self.expr)}", "hash": links.claim_hash(self.definition)}
        return said | {"derivation": lines, "value": value}


def _truth(line: Recursion, definition: Recursion, x: Any, z: Any, digits: int) -> Any:
    """By the last line; by the first where a variance is zero and a closed form has a limit only."""
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 1000:
        raise DomainError(f"digits = {shown(digits)}", "a number of digits from 1 to 1000", "digits=30")
    try:
        return image_reference(line, x, z, digits)
    except DomainError:
        if line == definition:
            raise
    try:
        return image_reference(definition, x, z, digits)
    except DomainError:
        raise NoRule("an image with pixels of variance zero", "a bias, or other pixels", "b_var='1/10'") from None
