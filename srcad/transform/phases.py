"""Writes what a worker does: the same statements as the others, in phases.

Statements that need not wait for each other (``srcad.analysis.turns``) are done in one phase, as
many of them as pays. What every worker does for itself, as to bind names, it does before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from srcad.analysis.flow import assigned, names_of
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.analysis.turns import Band, Member, Turns
from srcad.ir.nodes import (
    Comment,
    For,
    If,
    Stmt,
    While,
    Window,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.transform.bands import Bands, Group, is_in_two_turns
from srcad.transform.pieces import Piece
from srcad.transform.ring_parts import RingParts

_Pieces = tuple[Piece, ...]


class Phases:
    """Writes what the workers of a region do."""

    def __init__(self, turns: Turns, bands: Bands, rings: RingParts) -> None:
        self.turns = turns
        self.bands = bands
        self.rings = rings

    def of(self, pieces: _Pieces, sizes: Sizes) -> Iterator[Stmt]:
        """What a worker does of some statements.

        ``sizes`` are known before them, and followed.
        """
        pieces = tuple(_one_by_one(pieces))
        group = Group()
        while pieces:
            piece = pieces[0]
            if piece.idle:
                pieces = pieces[1:]
                continue
            if piece.ring is not None:
                yield from self.bands.done_by_all(group)
                group = Group()
                yield from self.rings.phases(piece.ring)
                sizes_after((piece.stmt,), sizes)
                pieces = pieces[1:]
                continue
            if piece.acts or (group.members and not isinstance(piece.stmt, Comment)):
                count, grown = self._grown(group, pieces, sizes)
                if count:
                    group, pieces = grown, pieces[count:]
                    continue
                yield from self.bands.done_by_all(group)
                group = Group()
                continue
            count, stmts = self._by_cases(pieces, sizes)
            if count:
                yield from stmts
                pieces = pieces[count:]
                continue
            if piece.parts:
                inner = sizes_inside(piece.stmt, sizes)
                parts = tuple(tuple(self.of(b, inner.copy())) for b in piece.parts)
                yield with_blocks(piece.stmt, parts)
            else:
                yield piece.stmt
            sizes_after((piece.stmt,), sizes)
            pieces = pieces[1:]
        yield from self.bands.done_by_all(group)

    def _grown(self, group: Group, pieces: _Pieces, sizes: Sizes) -> tuple[int, Group]:
        """The group with the next statement that threads share, and how many that takes.

        What every worker does before that for itself, it does before the group. 0: they wait.
        """
        members, bound = group.members, group.bound
        ahead = sizes.copy()
        for k, piece in enumerate(pieces):
            if piece.ring is not None:
                return 0, group
            if piece.idle:
                continue
            if piece.acts:
                plan = piece.plan or piece.light
                member = self.turns.member(piece.stmt, plan, piece.plan is None, ahead)
                member = replace(member, guard=piece.guard)
                bands = self.turns.arrange((*members, member))
                if bands is None or not _gains(group.bands, bands):
                    return 0, group
                sizes_after((p.stmt for p in pieces[: k + 1]), sizes)
                return k + 1, Group((*members, member), bands, bound)
            if isinstance(piece.stmt, Comment):
                continue
            early = None if piece.parts or not members else _before(members, piece.stmt)
            if early is None:
                return 0, group
            members, bound = early, (*bound, piece.stmt)
            sizes_after((piece.stmt,), ahead)
        return 0, group

    def _by_cases(self, pieces: _Pieces, sizes: Sizes) -> tuple[int, list[Stmt]]:
        """A choice and what follows it, where one branch is done in one turn with what follows.

        In the other branch, what follows comes by itself. Returns how many statements that are.
        """
        stmt, parts = pieces[0].stmt, pieces[0].parts
        if not isinstance(stmt, If) or not parts or not all(p.acts for p in parts[0]):
            return 0, []
        group, rest, here = Group(), parts[0], sizes.copy()
        while rest:
            count, group = self._grown(group, rest, here)
            if not count:
                return 0, []
            rest = rest[count:]
        total = 0
        while count := (grown := self._grown(group, pieces[1 + total :], here))[0]:
            total, group = total + count, grown[1]
        if not total:
            return 0, []
        after = sizes_after((stmt,), sizes.copy())
        orelse = [s for b in parts[1:] for s in self.of(b, sizes.copy())]
        orelse += self.of(pieces[1 : 1 + total], after)
        sizes_after((p.stmt for p in pieces[: 1 + total]), sizes)
        body = tuple(self.bands.done_by_all(group))
        return 1 + total, [replace(stmt, body=body, orelse=tuple(orelse))]


def _one_by_one(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The statements, with those under one condition each under that condition."""
    for piece in pieces:
        if piece.body and all(p.acts for p in piece.body):
            test = piece.stmt.test if isinstance(piece.stmt, If) else None
            yield from (replace(p, guard=test) for p in piece.body)
        else:
            yield piece


def _gains(old: tuple[Band, ...], new: tuple[Band, ...]) -> bool:
    """Whether threads meet less often for all of them than for the last one by itself.

    What they leave for the second turn is small for rows of matrices, not for planes.
    """
    if not old:
        return True
    last = new[-1].member
    alone = 2 if new[-1].loop and last.plan and last.plan.spread else 1
    skewed = any(
        b.low + b.high > (b.member.plan.spread if b.member.plan and b.loop else 0) for b in new
    )
    if skewed and any(_depth(b.member.stmt) > 2 for b in new):
        return False
    return is_in_two_turns(new) < is_in_two_turns(old) + alone


def _depth(stmt: Stmt) -> int:
    """How many loops are nested in each other."""
    own = isinstance(stmt, For | While)
    return own + max((_depth(s) for b in blocks(stmt) for s in b), default=0)


def _before(members: tuple[Member, ...], stmt: Stmt) -> tuple[Member, ...] | None:
    """Members that may come after a statement that stands behind them; None: they may not.

    It binds names. If one of them is that of an array that they read, they read it by another name;
    but loops are divided at rows that are the same in all members.
    """
    bound = assigned((stmt,))
    named = {n for m in members for s in statements((m.stmt,)) for n in names_of(s)}
    named = named.union(*(names_read(m.guard) for m in members if m.guard is not None))
    divided = {n for m in members if not m.light for n in names_of(m.stmt)}
    renaming = bool(bound & named)
    if renaming and not (isinstance(stmt, Window) and stmt.own):
        return None
    if renaming and (bound & divided or any(m.before for m in members)):
        return None

    def later(member: Member) -> Member:
        known = not any(bound & names_read(e) for e in member.rows or ())
        rows, before = member.rows if known else None, stmt if isinstance(stmt, Window) else None
        return replace(member, rows=rows, before=before if renaming else member.before)

    return tuple(map(later, members))
