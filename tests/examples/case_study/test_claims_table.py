"""The case study as tables, with names that would be markup if nobody escaped them."""

from __future__ import annotations

from examples.case_study.claims_table import claims_table, gains_table
from examples.case_study.record import CaseStudy, Claim, Finding, PredictedGain
from workbench.commands.claim_lines import COLUMNS, claim_lines
from workbench.records import Interval, PredictedValue

CLAIM = Claim(name="ram", said="A <cache> helps", quoted="1.12x & more", source="one run")


def finding(verdict: str, **settings) -> Finding:
    values = {"measured": "1.50x [1.40, 1.60]", "origin": "measured", "reason": "it is faster", **settings}
    return Finding(claim=CLAIM, verdict=verdict, **values)


def study(*findings: Finding) -> CaseStudy:
    return CaseStudy(
        created_at="", machine="a CPU", headline="", findings=list(findings), gains=[], conclusions=[], notes=[]
    )


def test_a_row_says_what_was_claimed_measured_and_found():
    table = claims_table(study(finding("holds"), finding("does not hold"), finding("cannot be told")))
    assert "A &lt;cache&gt; helps" in table
    assert "1.12x &amp; more" in table
    assert "<cache>" not in table
    assert table.count("<tr role='row'>") == 4
    kinds = {"holds": "wb-faster", "does not hold": "wb-alarm", "cannot be told": "wb-no_difference"}
    for verdict, kind in kinds.items():
        assert f"class='{kind}'" in table
        assert f">{verdict}</span>" in table
    assert "simulated" not in table


def test_what_rests_on_a_simulated_device_says_so_in_both():
    simulated = study(finding("holds", origin="simulated"))
    assert "<small>simulated device</small>" in claims_table(simulated)
    (row,) = claim_lines(simulated)
    assert len(row) == len(COLUMNS)
    assert row[2:] == ("1.50x [1.40, 1.60] (simulated device)", "holds: it is faster")


def test_a_gain_stands_beside_the_one_that_was_predicted():
    gain = PredictedGain(
        variant="<b>",
        questions=["Normalize x0"],
        predicted=PredictedValue(estimate=0.1, low=0.05, high=0.15),
        measured=Interval(estimate=0.12, ci95=(0.08, 0.16)),
        verdict="holds",
        reason="inside",
    )
    unknown = gain.model_copy(update={"predicted": None, "measured": None, "questions": []})
    table = gains_table([gain, unknown])
    assert "&lt;b&gt;" in table
    assert "<code>Normalize x0</code>" in table
    assert "10.0 % [5.0 %, 15.0 %]" in table
    assert "12.0 % [8.0 %, 16.0 %]" in table
    assert table.count(">-</td>") == 3
