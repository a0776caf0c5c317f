"""Vectors looked up in a table. low: the `Lowering` whose builder gets the code; index: whole numbers inside it."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
RUN = 8  # lanes of the loop at once


def entries(low: Any, index: Any) -> Any:
    """Lane by lane, written out."""
    b = low.builder
    joined: Any = ir.Constant(low.ftype, ir.Undefined)
    for i in range(low.width):
        joined = b.insert_element(joined, low.entry(b.extract_element(index, I32(i))), I32(i))
    return joined


def looped(low: Any, index: Any) -> Any:
    """Lane by lane through memory: written out, the loads of one LUT would be a thousand instructions and more
    compile time than the whole picture."""
    b = low.builder
    if low.room is None:
        with b.goto_entry_block():
            low.room = b.alloca(low.itype), b.alloca(low.ftype)
        for slot in low.room:
            slot.type = ir.PointerType()  # llvmlite would hold it to one type
    places, values = low.room
    b.store(index, places, align=4)
    before, loop, done = b.block, b.append_basic_block("lookup"), b.append_basic_block("found")
    b.branch(loop)
    b.position_at_end(loop)
    lane = b.phi(I64)
    lane.add_incoming(I64(0), before)
    for i in range(RUN):
        at = b.add(lane, I64(i))
        place = b.load(b.gep(places, [at], source_etype=I32), typ=I32, align=4)
        b.store(low.entry(place), b.gep(values, [at], source_etype=F32), align=4)
    following = b.add(lane, I64(RUN))
    lane.add_incoming(following, loop)
    b.cbranch(b.icmp_signed("<", following, I64(low.width)), loop, done)
    b.position_at_end(done)
    return b.load(values, typ=low.ftype, align=4)
