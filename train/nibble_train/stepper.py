"""One step of training over a batch, recorded as a CUDA graph where there is a GPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from .pool import Batch, Pool

#: Batches of a width that run before its step is recorded.
WARM_BATCHES = 2


class Stepper:
    """Runs `body` on batches; `body` must have fixed shapes for a width and never read the device.

    A step has hundreds of small kernels. Recorded, they start without Python. If recording fails,
    the steps run one by one, with the same result.
    """

    def __init__(
        self, body: Callable[[Batch], None], count: int, device: torch.device, graphs: bool
    ):
        self.body, self.count, self.device = body, count, device
        self.graphs = graphs and device.type == "cuda"
        self.batches: dict[int, Batch] = {}
        self.recorded: dict[int, torch.cuda.CUDAGraph] = {}
        self.seen: dict[int, int] = {}
        self.memory = torch.cuda.graph_pool_handle() if self.graphs else None
        self.side = torch.cuda.Stream(device) if self.graphs else None

    def run(self, pool: Pool, width: int, picks: np.ndarray, step: int) -> None:
        """One step."""
        if width not in self.batches:
            self.batches[width] = Batch.empty(self.count, width, self.device)
        batch = self.batches[width]
        pool.fill(batch, picks, step)
        if width in self.recorded:
            self.recorded[width].replay()
        elif not self.graphs:
            self.body(batch)
        elif self.seen.get(width, 0) < WARM_BATCHES:
            self.seen[width] = self.seen.get(width, 0) + 1
            self.side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.side):
                self.body(batch)
            torch.cuda.current_stream().wait_stream(self.side)
        else:
            self._record(width, batch)

    def _record(self, width: int, batch: Batch) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            torch.cuda.synchronize()
            with torch.cuda.graph(graph, pool=self.memory):
                self.body(batch)
        except RuntimeError as error:
            print(f"steps are not recorded: {error}", flush=True)
            self.graphs, self.recorded = False, {}
            torch.cuda.synchronize()
            self.body(batch)
            return
        self.recorded[width] = graph
        graph.replay()
