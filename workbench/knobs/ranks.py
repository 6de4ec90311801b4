"""The knob of several processes that train together."""

from __future__ import annotations

from workbench.knobs.knob import Maths, Refusal, Slice, knob


class RankKnobs(Slice):
    """Several processes that train together."""

    ranks: int = knob(
        1,
        "device",
        "processes that train one model together, each on its part of the samples, with workers of its own",
        unit="processes",
        refused=[
            Refusal(
                ("ranks", "mode=validate"),
                lambda k: k.ranks > 1 and k.mode != "train",
                "several processes only train together: what one process validates, it validates by itself",
                "Take mode=train, or ranks=1",
            ),
            Refusal(
                ("ranks", "device=replay/none"),
                lambda k: k.ranks > 1 and k.device in ("replay", "none"),
                "gradients are exchanged, and without a model there are none",
                "Take device=cpu or cuda, or ranks=1",
            ),
            Refusal(
                ("ranks", "start_method=fork"),
                lambda k: k.ranks > 1 and bool(k.num_workers) and k.start_method == "fork",
                "a worker that is forked beside the threads of a process group may wait for ever",
                "Take start_method=forkserver, or num_workers=0",
            ),
            Refusal(
                ("ranks", "loader"),
                lambda k: k.ranks > 1 and k.loader != "torch",
                "only torch's loader gives each rank its own part of the samples",
                "Take loader=torch, or ranks=1",
            ),
            Refusal(
                ("ranks", "profilers"),
                lambda k: k.ranks > 1 and bool(k.profilers),
                "profilers look at one process",
                "Take ranks=1 for a look, or leave profilers out",
            ),
        ],
        maths=Maths.OTHER,
        cost="samples of a step are those of all ranks: the same learning needs another batch size or learning rate",
        ge=1,
        le=64,
    )
