"""Three changes, the best for their price first, each with a command that can be pasted."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from planted_run import Pipeline
from record_factory import make_lane, make_record, make_stage

from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.costs import cost_of
from workbench.explain.diagnosis.diagnose import advise, diagnose
from workbench.explain.diagnosis.plan import compare_command, plan
from workbench.explain.prediction import changes
from workbench.explain.prediction.predictor import predictor_for
from workbench.knobs.joined import ForeignKnobs, parse_knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.comparison.variants import parse_variants
from workbench.records import ImageKind, Record, Script
from workbench.records.run_folder import write_json
from workbench.workloads.ocr.knobs import OcrKnobs


def planned(pipeline, *, predicted=True):
    record, spans = pipeline.run()
    predictor = predictor_for(record, spans) if predicted else None
    return plan(record, predictor, diagnose(record, spans, predictor))


def test_the_plan_is_against_what_bounds_the_run():
    steps = planned(Pipeline(sample={**Pipeline().sample, "decode": 0.04}))
    assert len(steps) == 3
    assert steps[0].settings == {"cache": "prepared", "targets": "cached"}
    assert steps[0].text == "cache=prepared targets=cached"
    assert steps[0].cause == "loader-bound by 'decode'"
    assert steps[0].gain.low <= steps[0].gain.estimate <= steps[0].gain.high
    assert steps[0].gain_text.endswith("(simulated)")


def test_no_knob_is_advised_twice():
    named = [name for step in planned(Pipeline()) for name in step.settings]
    assert len(named) == len(set(named)) >= 3


def test_what_cannot_be_predicted_has_a_ceiling():
    steps = planned(Pipeline(knobs={"cache_store": "memory", "mode": "train", "targets": "compute"}, of_sample={}))
    step = {step.text: step for step in steps}["targets=fast"]
    assert step.gain is None
    assert step.gain_text.startswith("at most ")


def test_of_a_cause_that_is_nearly_the_whole_run_no_gain_is_named():
    """1 / (1 - 0.992) is algebra, and no advice."""
    stages = [make_stage("main", "forward", 0.5), make_stage("main", "backward", 0.49)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.99)], mode="train", device="cpu")
    record = record.model_copy(update={"device": "cpu", "simulated": False})
    steps = plan(record, None, [Cause("device-bound", None, "", 0.992), Cause("loader-bound", None, "", 0.1)])
    concerned = [step for step in steps if step.cause == "device-bound"]
    assert concerned
    for step in concerned:
        assert (
            step.gain_text
            == "not known before it has run; it concerns 99.2 % of the time (from shares of the measured time)"
        )
        assert step.cost != "nothing"


def test_memory_is_a_cost_with_its_size():
    step = planned(Pipeline(sample={**Pipeline().sample, "decode": 0.04}))[0]
    assert "64 pages x 1.23 MB (prepared images) = 78.6 MB" in step.cost
    assert "64 pages x 819 kB (target maps) = 52.4 MB" in step.cost
    assert "more start-up to fill it" in step.cost


def test_a_cache_that_memory_does_not_hold_is_not_advised():
    record, spans = Pipeline(sample={**Pipeline().sample, "decode": 0.04}).run()
    small = record.model_copy(
        update={"environment": record.environment.model_copy(update={"memory_bytes": 90_000_000})}
    )
    predictor = predictor_for(small, spans)
    steps = plan(small, predictor, diagnose(small, spans, predictor))
    assert not any(step.settings.get("cache") == "prepared" for step in steps)


@pytest.mark.parametrize(
    ("pipeline", "setting"),
    [
        (Pipeline(own={**Pipeline().own, "postprocess": 0.25}), "postprocess=processes"),
        (Pipeline(start=0.8), "persistent_workers=true"),
        (Pipeline(own={**Pipeline().own, "receive": 0.15}), "transport=ring"),
        (Pipeline(of_worker={0: 0.05}), "in_order=false"),
    ],
)
def test_every_cause_has_its_knob(pipeline, setting):
    assert setting in [step.text for step in planned(pipeline)]


def test_workers_that_wait_for_something_may_be_many_more():
    """Each sample waits 0.1 s for something that is not a core: twice the workers are twice as fast."""
    pipeline = Pipeline(locked=0.1, sample={"decode": 1e-4}, batch={"collate": 1e-4}, ready=0.0, per_epoch=64)
    record, spans = pipeline.run()
    steps = plan(record, predictor_for(record, spans), [Cause("loader-bound", "decode", "", 0.9)])
    step = next(step for step in steps if "num_workers" in step.settings)
    assert step.settings == {"num_workers": 4}
    assert step.gain.estimate == pytest.approx(1.0, abs=0.2)


def test_the_simulator_is_not_asked_what_it_cannot_know():
    steps = {step.text: step for step in planned(Pipeline(of_worker={0: 0.05}))}
    assert steps["in_order=false"].gain is None  # all workers are alike to it


def test_fewer_bytes_save_no_more_of_sending_than_they_are():
    pipeline = Pipeline(own={**Pipeline().own, "receive": 0.15})
    record, spans = pipeline.run()
    predictor = predictor_for(record, spans)
    causes = [cause for cause in diagnose(record, spans, predictor) if cause.name == "heavy send and receive"]
    steps = {step.text: step for step in plan(record, predictor, causes)}
    saved = (10 - 2) / (12 + 10)  # bytes a pixel: maps as they are, or packed, of what was measured of a sample
    (cost,) = [cause.cost for cause in causes]
    assert steps["targets=fast"].at_most == pytest.approx(cost * saved / (1 - cost * saved))
    assert steps["transport=ring"].at_most == pytest.approx(cost / (1 - cost))


def test_a_lock_has_no_knob():
    steps = planned(Pipeline(locked=0.03))
    assert not any("lock" in step.cause for step in steps)


def test_shares_say_where_they_come_from():
    steps = planned(Pipeline(), predicted=False)
    assert steps
    assert all(step.gain_text.endswith("(from shares of the measured time)") for step in steps)


def test_the_command_repeats_the_runs_own_knobs():
    record = make_record(dataset="my pages; rm -rf", num_workers=1, persistent_workers=False, checked_samples=0)
    command = compare_command(record, {"cache": "prepared", "in_order": False}, "both")
    words = shlex.split(command)
    assert words[:3] == ["workbench", "compare", "--variant"]
    common = dict(word.split("=", 1) for word in words[4:] if word != "-p")
    variants = parse_variants([words[3]], common)
    assert variants["baseline"] == record.knobs.changed(checked_samples=4) == parse_knobs(common)
    assert variants["both"] == variants["baseline"].changed(cache="prepared", in_order=False)


def test_nothing_is_advised_that_does_nothing():
    stages = [make_stage("main", "transfer", 0.6), make_stage("main", "wait", 0.2), make_stage("main", "fetch", 0.2)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)])
    causes = diagnose(record, None, None)
    assert causes[0].name == "transfer-bound"
    settings = [step.text for step in plan(record, None, causes)]
    assert settings[0] == "normalize=device"
    assert "pin_memory=true" not in settings  # there is no CUDA device to copy to


def test_what_a_knob_costs_is_what_its_row_says():
    steps = {step.text: step for step in planned(Pipeline(own={**Pipeline().own, "postprocess": 0.25}))}
    assert steps["postprocess=processes"].cost == OcrKnobs.rows()["postprocess"].cost


def test_samples_that_may_differ_are_a_cost():
    record = make_record()
    steps = plan(record, None, [Cause("loader-bound", "decode", "", 0.5)])
    step = next(step for step in steps if step.settings == {"image_decoder": "turbojpeg"})
    assert "pages may differ by 64 of 255 levels" in step.cost


def test_more_workers_cost_processes_and_batches_on_their_way():
    record = make_record(num_workers=1)
    steps = plan(record, None, [Cause("loader-bound", "collate", "", 0.5)])
    step = next(step for step in steps if step.settings == {"num_workers": 2})
    assert step.cost == "1 more process, 2 more batches on their way, 288 MB"  # 2 x 16 samples of 22 bytes a pixel


def observed(num_samples: int, images: list[ImageKind]) -> Record:
    """A script's run whose batches are 2 x 10 MB."""
    record = make_record()
    batches = record.batches.model_copy(update={"samples": [2], "num_bytes": [20_000_000], "number": [0]})
    return record.model_copy(
        update={
            "knobs": ObservedKnobs(command="python train.py", num_workers=2, prefetch_factor=2, batch_size=2),
            "script": Script(command="python train.py", training_loader="train.py:1", is_trained=True),
            "description": record.description.model_copy(update={"num_samples": num_samples}),
            "batches": batches,
            "images": images,
        }
    )


def test_what_a_cache_of_a_scripts_samples_takes_is_known_from_its_batches_and_files():
    images = [ImageKind(kind=kind, samples=4, pixels=pixels, decode_s=0.1) for kind, pixels in (("a", 1e6), ("b", 3e6))]
    cause = Cause("loader-bound", "decode", "", 0.5)
    for count, texts in ((100, {"sample": "10.0 MB", "decoded": "6.00 MB"}), (100_000, {})):  # of 8 GB
        record = observed(count, images)
        for cache, size in {"sample": 1e7, "decoded": 6e6}.items():
            share = cost_of(record, {"cache": cache}, None).memory_share
            assert share == pytest.approx(count * size / 8e9)
        for cache, text in texts.items():
            assert f"memory for 100 pages x {text}" in cost_of(record, {"cache": cache}, None).text
        offered = {step.settings.get("cache") for step in plan(record, None, [cause])}
        assert bool(offered & {"sample", "decoded"}) is (count == 100)
    assert cost_of(observed(100, []), {"cache": "decoded"}, None).text.startswith("memory for 100 pages (the decoded")


def test_of_a_stream_that_does_not_say_its_length_batches_have_their_size_all_the_same():
    record = make_record(num_workers=1)
    record = record.model_copy(update={"description": record.description.model_copy(update={"num_samples": 0})})
    steps = plan(record, None, [Cause("loader-bound", "collate", "", 0.5)])
    step = next(step for step in steps if step.settings == {"num_workers": 2})
    assert step.cost.endswith("288 MB")


#: What a shell would do something with.
SHELL = (
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "a' ; touch pwned '",
    'a" ; touch pwned "',
    "\n touch pwned",
)


@pytest.mark.parametrize("evil", SHELL)
def test_what_a_record_holds_runs_nothing_in_a_shell(tmp_path, evil):
    record = make_record(dataset=evil)
    foreign = ForeignKnobs.model_construct(**{**record.knobs.model_dump(), "workload": f"x:{evil}", evil: evil})
    script = Script(command="python train.py", training_loader="train.py:1", is_trained=True)
    seen = ObservedKnobs(command=f"python train.py {evil}".replace("'", "").replace('"', ""))
    commands = [
        compare_command(record, {"dataset": evil}, evil),
        compare_command(record.model_copy(update={"knobs": foreign}), {evil: evil}, "a"),
        compare_command(record.model_copy(update={"knobs": seen, "script": script}), {"num_workers": 1}, "a"),
        changes._variant("dataset", evil),
    ]
    for command in commands:
        pasted(command, tmp_path)
        assert list(tmp_path.iterdir()) == [], command
    pasted('workbench compare --variant "changed: $(touch pwned)"', tmp_path)
    assert list(tmp_path.iterdir()) != []


def pasted(command, folder):
    subprocess.run(["sh", "-c", f"workbench() {{ :; }}\n{command}"], cwd=folder, check=False, capture_output=True)


def test_a_workload_of_ones_own_is_named_in_the_command():
    record = make_record()
    record = record.model_copy(update={"knobs": record.knobs.unchecked(workload="my.module:Mine")})
    assert "-p workload=my.module:Mine" in compare_command(record, {"num_workers": 1}, "one")
    assert "workload" not in compare_command(make_record(), {"num_workers": 1}, "one")


def test_a_run_folder_has_a_diagnosis_in_a_sentence(tmp_path):
    record, spans = Pipeline(sample={**Pipeline().sample, "decode": 0.04}).run()
    write_json(tmp_path / "record.json", record)
    without = advise(tmp_path)
    assert without.sentence.startswith("Diagnosis: loader-bound by 'decode', which costs ")
    spans.to_parquet(tmp_path / "spans.parquet")
    assert advise(tmp_path).steps[0].gain is not None


def test_a_run_whose_workload_is_not_on_this_machine_is_diagnosed_all_the_same():
    record, spans = Pipeline(sample={**Pipeline().sample, "decode": 0.04}).run()
    values = {**record.model_dump(mode="json")}
    values["knobs"] = {**values["knobs"], "workload": "nowhere.to.be_found:Mine"}
    foreign = Record.model_validate(values)
    predictor = predictor_for(foreign, spans)
    causes = diagnose(foreign, spans, predictor)
    assert causes[0].title == "loader-bound by 'decode'"
    assert plan(foreign, predictor, causes) == [], "which knobs it could take is not known here"


@pytest.mark.parametrize(("helping_s", "at_most"), [(1.0, 0.25), (20.0, 1.0), (0.0, None)])
def test_one_thread_each_saves_no_more_than_the_others_take(helping_s, at_most):
    """Of 5 s on cores further threads take 1 s; or nearly all: then it is the cause's own cost that bounds the gain."""
    lanes = [make_lane("main", 4.0, 4.0), make_lane("worker", 8.0, 8.0, processes=2)]
    used = [(0.5, 0.0), (4.5 - helping_s if helping_s < 4.0 else 0.5, helping_s)]
    lanes = [
        lane.model_copy(update={"cpu_s": own, "background_cpu_s": helping})
        for lane, (own, helping) in zip(lanes, used, strict=True)
    ]
    record = observed(100, []).model_copy(update={"lanes": lanes})
    steps = plan(record, None, [Cause("cores oversubscribed", None, "", 0.5)])
    found = [step.at_most for step in steps if step.settings == {"opencv_threads": 0}]
    assert found == ([] if at_most is None else [pytest.approx(at_most)])
