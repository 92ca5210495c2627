"""Both sides of the fourth link of a kernel of images: its last line, and the program of the network on two images.

The images are the smallest that the network takes. The maps of filters are the engine's Dense step on means of pixels
and those of activations its steps too (`layer_step.py`); what is compared is the rest: fields over pairs of pixels,
which pixels a filter reads, pools, what ends an image, and the induction over layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symlimits.certify.images import Images, random_images
from symlimits.derivation.master import last_line
from symlimits.errors import NoRule
from symlimits.language.architecture import Serial
from symlimits.language.domain import Point
from symlimits.language.least_image import least_image
from symlimits.reading.image_reference import exact_image
from symlimits.reading.program_sampled import Sampled
from symlimits.theory.programs.image_kernel import image_kernel_program
from symlimits.theory.programs.kernel_program import line_value

DIGITS = 15
SEED = 0  # of the two images
MOST = 700  # instructions: some seconds


def image_value(limit: Any, point: Point) -> float:
    """The last line of a kernel of images, for the two images."""
    return float(limit._value_of(point, *_pair(limit), DIGITS))


def image_general(limit: Any, net: Serial, tangent: bool, point: Point) -> tuple[Sampled, float]:
    """The engine's value, and the size of the kernel on its diagonal; `NoRule` for a program that takes long."""
    x, z = _pair(limit)
    scalar = image_kernel_program(net, tangent, (exact_image(x), exact_image(z)))
    count = len(scalar.program.instructions)
    if count > MOST:
        raise NoRule(f"a program of {count} instructions", f"at most {MOST}", "smaller filters, fewer layers")
    general = line_value(last_line(scalar.program, scalar.place), {})
    one, two = (float(limit._value_of(point, image, image, DIGITS)) for image in (x, z))
    return general, float(np.sqrt(one * two))


def _pair(limit: Any) -> Images:
    return random_images(least_image(limit.definition).shape, SEED)
