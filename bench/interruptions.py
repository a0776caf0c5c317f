"""How often the machine takes a core away from a program that only computes: the floor under every late frame.

    python bench/interruptions.py [--seconds 30]

One process a core reads the clock in a loop, at the highest priority it may have. A gap between two readings is time
that went to the kernel, to other programs or, on a virtual machine, to its host.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import time
from typing import Any

HIGHEST = -15
LIMITS = (1, 3, 8)  # milliseconds


def spin(core: int, seconds: float, out: Any) -> None:
    """Report the gaps of more than a millisecond on one core."""
    os.sched_setaffinity(0, {core})
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, HIGHEST)
    gaps, now = [], time.perf_counter_ns
    last = now()
    end = last + int(seconds * 1e9)
    while last < end:
        moment = now()
        if moment - last > 1_000_000:
            gaps.append((moment - last) / 1e6)
        last = moment
    out.put(gaps)


def interruptions(seconds: float) -> dict[str, float]:
    """Gaps a second over all cores longer than 1, 3 and 8 ms, the longest in ms, and the share of time lost."""
    out: Any = multiprocessing.Queue()
    cores = sorted(os.sched_getaffinity(0))
    spinners = [multiprocessing.Process(target=spin, args=(core, seconds, out)) for core in cores]
    for spinner in spinners:
        spinner.start()
    gaps = [gap for _ in spinners for gap in out.get()]
    for spinner in spinners:
        spinner.join()
    found = {f"over_{limit}_ms_a_second": round(sum(gap > limit for gap in gaps) / seconds, 2) for limit in LIMITS}
    lost = sum(gaps) / (seconds * 1e3 * len(cores))
    return {**found, "longest_ms": round(max(gaps, default=0.0), 1), "share_lost": round(lost, 4)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    print(json.dumps(interruptions(parser.parse_args().seconds), indent=1))
