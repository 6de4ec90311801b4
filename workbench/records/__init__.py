"""What trials and comparisons leave on disk: the contract between the half that measures and the half that explains.

Durations are float seconds (`_s`), raw clock readings integer nanoseconds (`_ns`), sizes `_bytes`, rates `_per_s`,
ratios 0..1 `_share`. `None` is "not measured"; `0.0` is a measured zero.
"""

from __future__ import annotations

from workbench.records.checks import (
    Check,
    Checks,
    CheckStatus,
)
from workbench.records.comparison import (
    Comparison,
    Interval,
    NodeRatio,
    Resolution,
    Throughput,
    VariantResult,
    Verdict,
)
from workbench.records.comparison_state import (
    ComparisonState,
    Program,
    Stop,
    VariantTrial,
)
from workbench.records.engine import EngineFacts, TrainingFacts
from workbench.records.parts import (
    SCHEMA_VERSION,
    KnownSpread,
    Node,
    Policy,
    PredictedValue,
    Prediction,
    Slicing,
)
from workbench.records.script import ImageKind, Script, ScriptLoader, ScriptPart
from workbench.records.selftest import (
    Detectable,
    FalseVerdicts,
    Planted,
    SelfTest,
    Share,
)
from workbench.records.stage_times import LaneStats, Origin, RankStats, StageStats
from workbench.records.trial import (
    SPAN_COLUMNS,
    Batches,
    Count,
    Description,
    Environment,
    Failure,
    FailureKind,
    Isolated,
    Limits,
    Machine,
    Memory,
    Phase,
    ProfilerOverhead,
    Record,
    Score,
    Slice,
    SpanRow,
    Startup,
    Steady,
)

__all__ = [
    "SCHEMA_VERSION",
    "SPAN_COLUMNS",
    "Batches",
    "Check",
    "CheckStatus",
    "Checks",
    "Comparison",
    "ComparisonState",
    "Count",
    "Description",
    "Detectable",
    "EngineFacts",
    "Environment",
    "Failure",
    "FailureKind",
    "FalseVerdicts",
    "ImageKind",
    "Interval",
    "Isolated",
    "KnownSpread",
    "LaneStats",
    "Limits",
    "Machine",
    "Memory",
    "Node",
    "NodeRatio",
    "Origin",
    "Phase",
    "Planted",
    "Policy",
    "PredictedValue",
    "Prediction",
    "ProfilerOverhead",
    "Program",
    "RankStats",
    "Record",
    "Resolution",
    "Score",
    "Script",
    "ScriptLoader",
    "ScriptPart",
    "SelfTest",
    "Share",
    "Slice",
    "Slicing",
    "SpanRow",
    "StageStats",
    "Startup",
    "Steady",
    "Stop",
    "Throughput",
    "TrainingFacts",
    "VariantResult",
    "VariantTrial",
    "Verdict",
]
