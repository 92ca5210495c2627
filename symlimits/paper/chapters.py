"""What documents and the report say of statements, those of one group under one heading, what they share said once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

BETWEEN = "; "  # the parts of a scope


class Section(NamedTuple):
    """What is said of one statement: its file name, its title, its source, what it is about, its code, its group."""

    name: str
    title: str
    source: str
    scope: str = ""
    code: str = ""
    group: str = ""


class Chapter(NamedTuple):
    """Statements one after the other, with what is said of all of them; without a title, statements on their own."""

    title: str
    about: str
    sections: tuple[Section, ...]


def chapters(sections: Iterable[Section]) -> Iterator[Chapter]:
    """Sections by their groups, in their order.

    >>> two = [Section(name, f"NTK: {name}", "Lee", f"q = 0; {name}", "", "NTK") for name in ("kernel", "logit")]
    >>> (chapter,) = chapters(two)
    >>> chapter.about, [section.title for section in chapter.sections], chapter.sections[0].scope
    ('Lee; q = 0', ['kernel', 'logit'], '')
    """
    for group, members in groupby(sections, key=lambda section: section.group):
        found = tuple(members)
        yield _chapter(group, found) if group else Chapter("", "", found)


def _chapter(group: str, members: Sequence[Section]) -> Chapter:
    first, *others = [[section.source, *section.scope.split(BETWEEN)] for section in members]
    shared = [part for part in first if all(part in other for other in others)]
    return Chapter(group, BETWEEN.join(shared), tuple(_own(section, group, shared) for section in members))


def _own(section: Section, group: str, shared: Sequence[str]) -> Section:
    """What only this statement says; its observable is not said after a title that names it."""
    title = section.title.removeprefix(f"{group}: ")
    own = [part for part in section.scope.split(BETWEEN) if part not in shared and part not in title]
    source = "" if section.source in shared else section.source
    return section._replace(title=title, source=source, scope=BETWEEN.join(own))
