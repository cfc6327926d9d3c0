"""How many threads ``n_jobs`` stands for."""

from __future__ import annotations

import numbers
import os
from typing import Optional


def thread_count(n_jobs: Optional[int]) -> int:
    """Threads of ``n_jobs``: ``None`` is 1, -1 all processors, -2 all but one."""
    if n_jobs is None:
        return 1
    if not isinstance(n_jobs, numbers.Integral) or n_jobs == 0:
        raise ValueError(f"n_jobs is {n_jobs!r}, expected None or a whole number other than 0")
    if n_jobs > 0:
        return min(int(n_jobs), 1024)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return max(1, (available or os.cpu_count() or 1) + 1 + int(n_jobs))
