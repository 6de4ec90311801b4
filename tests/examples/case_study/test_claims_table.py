"""The case study as tables, with names that would be markup if nobody escaped them."""

from __future__ import annotations

from examples.case_study.claims_table import claims_table, gains_table
from examples.case_study.record import CaseStudy, Claim, Finding, PredictedGain
from workbench.explain.figures.html_table import html_table
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
    assert table.texts[0] == (
        "A <cache> helps", "1.12x & more one run", "1.50x [1.40, 1.60]", "holds it is faster",
    )  # fmt: skip
    assert [(row[3].text, row[3].tone) for row in table.rows] == [
        ("holds", "good"), ("does not hold", "alarm"), ("cannot be told", "soft"),
    ]  # fmt: skip
    assert "<cache>" not in html_table(table)


def test_what_rests_on_a_simulated_device_says_so():
    (row,) = claims_table(study(finding("holds", origin="simulated"))).texts
    assert row[2] == "1.50x [1.40, 1.60] simulated device"


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
    known, nothing = gains_table([gain, unknown]).texts
    assert known == ("<b>", "Normalize x0", "10.0 % [5.0 %, 15.0 %]", "12.0 % [8.0 %, 16.0 %]", "holds inside")
    assert nothing[1:4] == ("-", "-", "-")
