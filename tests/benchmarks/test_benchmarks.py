"""Tiny runs, with torch if it is installed, and the contract between the parent process and its workers.

`make bench-quick` leaves out the benchmarks that run completely here.
"""

import importlib.util
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import conv, graph, layer, product, recurrent, rounds, scaling
from benchmarks.__main__ import BENCHMARKS, chosen, main
from benchmarks.harness import quartiles
from benchmarks.peers import gemms
from benchmarks.work import UnsupportedError, Work
from benchmarks.worker import Job
from snn.engine import tuning

TORCH = importlib.util.find_spec("torch") is not None
EXPERT = ["torch_expert"] if TORCH else []
ALONE = "--peers", "none"  # a process that imports torch takes seconds
measures_memory = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure memory")


def run(name, out, *more):
    """Run a benchmark, beside the code of a torch expert where torch is installed; return the results that it wrote."""
    peers = ",".join(EXPERT) if set(EXPERT) & set(BENCHMARKS[name].PEERS) else "none"
    main([name, "--small", "--repeats", "1", "--peers", peers, "--out", str(out), *more])
    (path,) = out.glob(f"{name}-*.json")
    return json.loads(path.read_text())


def test_the_benchmarks_run_here_are_those_that_bench_quick_leaves_out():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    (tested,) = re.findall(r"^TESTED := (.*)$", makefile, re.MULTILINE)
    whole = re.findall(r'= run\("(\w+)", tmp_path(?:\)|, \*)', Path(__file__).read_text(encoding="utf-8"))
    assert sorted(tested.split()) == sorted(whole)


def test_every_benchmark_has_a_title_and_peers_that_are_there():
    for module in BENCHMARKS.values():
        assert module.TITLE
        for peer in module.PEERS:
            if peer not in ("nothing", "numpy", "torch", "jax", "brainevent"):
                assert importlib.util.find_spec(f"benchmarks.peers.{peer}"), peer


def test_a_comparison_writes_what_was_done_what_came_out_and_on_what(tmp_path, capsys):
    found = run("layer", tmp_path, "--only", "spikes", "--peers", "none")
    assert found["machine"]["threads"] >= 1
    assert found["machine"]["versions"]["numpy"] == np.__version__
    (case,) = found["cases"].values()
    assert Work.from_json(case["work"]) == layer.cases(small=True)["spikes-32"][1]
    ours = case["results"]["ours"]
    assert len(ours["seconds"]) == 1
    assert 0 < ours["facts"]["rates"][0] < 0.2
    assert ours["facts"]["weight_gradient"] > 0
    printed = capsys.readouterr().out
    assert "spikes-32: 2 % Bernoulli spikes" in printed
    assert len(list(tmp_path.glob("layer-*.png"))) == 1


def test_scaling_fits_an_exponent(tmp_path):
    found = run("scaling", tmp_path)["parts"]
    assert all(math.isfinite(found[part]["exponent"]) for part in ("steps", "density"))
    assert found["density"]["neurons alone"]["facts"]["input_gradient"] > 0
    assert scaling.exponent([1, 10, 100], [3, 30, 300]) == pytest.approx(1)


def test_product_compares_ours_with_others_and_with_the_peak(tmp_path, capsys):
    found = run("product", tmp_path)
    assert found["processor"] == product.processor().name
    for case in found["cases"].values():
        assert {"peak", "ours", "numpy", "blas"} <= case["results"].keys()
        assert all(0 < share < 2 for share in case["shares"].values())
        assert case["peak"] > 1e8
        assert case["chosen"] == "blas"
    assert "GFLOP/s" in capsys.readouterr().out
    for case in product.cases(small=True):
        made, _ = product.contenders(case, ())
        a, b = case.operands()
        made["ours"]()
        for name, function in made.items():
            found = function() if name != "ours" else None
            assert found is None or np.allclose(found, a.astype(case.dtype) @ b, atol=1e-4), name


def test_events_are_counted_as_by_numpy(tmp_path):
    found = run("events", tmp_path)["results"]
    assert found["ours"]["seconds"][0] > 0
    assert "Drop" in found


def test_conv_computes_the_same_in_every_way(tmp_path):
    found = run("conv", tmp_path)["cases"]
    assert found.keys() == conv.cases(small=True).keys()
    for name, case in found.items():
        facts = {who: result["facts"] for who, result in case["results"].items()}
        assert set(facts) == {"ours", "ours_dense", *EXPERT}
        ours = facts["ours"]
        assert len(ours["rates"]) == (0 if name.startswith("alone") else 3)
        assert all(0.01 < rate < 0.5 for rate in ours["rates"])
        assert ours["weight_gradient"] > 0.1
        for other in facts.values():
            assert other["rates"] == pytest.approx(ours["rates"])
            assert other["weight_gradient"] == pytest.approx(ours["weight_gradient"], rel=1e-4)


def test_raster_draws_and_saves(tmp_path):
    found = run("raster", tmp_path)["results"]
    assert set(found) == {"500 png", "500 pdf", "20 png", "20 pdf"}
    for result in found.values():
        assert result["seconds"][0] > 0
        assert 800 < result["facts"]["spikes"] < 1200
        assert result["facts"]["bytes"] > 5000


def test_import_measures_a_warm_and_a_cold_start(tmp_path):
    found = run("import", tmp_path, *ALONE)["results"]
    assert found["imports"]["ours"]["seconds"][0] > 0
    assert found["first step"]["ours_cold"]["seconds"][0] > found["first step"]["ours_warm"]["seconds"][0]


@measures_memory
def test_memory_reports_bytes_and_times_of_each_way(tmp_path):
    found = run("memory", tmp_path, *ALONE)["results"]
    assert set(found) == {"ours", "ours_checkpoint"}
    for ways in found.values():
        assert ways["first"][0]["bytes"] > 0
        assert ways["loaded"][0]["seconds"] > 0


@measures_memory
def test_backward_measures_a_plain_network_operation_by_operation(tmp_path):
    found = run("backward", tmp_path)
    assert {layer["kind"] for layer in found["work"]["layers"]} == {"dense", "relu"}
    assert set(found["results"]) == {"ours_eager", *EXPERT}
    for ways in found["results"].values():
        assert ways["first"][0]["bytes"] > 0
        assert ways["loaded"][0]["seconds"] > 0


def test_overhead_measures_a_chain_of_operations(tmp_path):
    found = run("overhead", tmp_path, *(["--peers", "torch"] if TORCH else []))["results"]
    assert set(found) == {"ours"} | ({"torch"} if TORCH else set())
    assert all(result["seconds"][0] > 0 for result in found.values())


def test_auto_measures_both_modes_and_says_what_is_chosen(tmp_path, capsys):
    found = run("auto", tmp_path)["cases"]
    assert len(found) == 4
    for case in found.values():
        assert all(case["results"][mode]["seconds"][0] > 0 for mode in ("eager", "compiled"))
        assert case["auto"] == ("compiled" if case["estimate"] >= tuning.now().worthwhile else "eager")
    assert capsys.readouterr().out.count("| one neuron | 1 |") == 1


def test_delays_compares_layers_with_delays_with_one_without(tmp_path, capsys):
    found = run("delays", tmp_path, *(["--peers", "torch"] if TORCH else []))["results"]
    assert len(found) == 5 + TORCH
    for name, result in found.items():
        assert result["seconds"][0] > 0
        assert name == "torch conv1d" or min(result["facts"].values()) > 0
    assert capsys.readouterr().out.count("x dense") == 4 + TORCH


def test_help_shows_every_title(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, module in BENCHMARKS.items():
        assert shown.count(f"{name}: {module.TITLE}") == 1


@pytest.mark.parametrize("name", ["train", "digits"])
def test_training_improves_on_chance(name):
    work = BENCHMARKS[name].case(True, *(["synthetic"] if name == "train" else []))
    job = Job("ours", work)
    job.warm()
    while "accuracy" not in job.facts:
        job.run()
    assert job.facts["accuracy"] > 0.3
    assert {"rates", "weight_gradient"} <= set(job.facts)


def test_a_peer_that_cannot_do_the_work_is_reported_with_the_reason():
    cannot = recurrent.cases(small=True)["smooth-16"][1]
    result = rounds.measure(cannot, ["gemms", "nobody"], 1)
    assert result["gemms"].reason == "products of all time steps at once only"
    assert result["nobody"].reason == "not installed: benchmarks.peers.nobody"
    assert not result["gemms"].seconds


def test_a_process_that_ends_is_reported():
    with rounds.Worker("gemms") as worker:
        worker.process.kill()
        with pytest.raises(rounds.FailedError, match=f"its process ended with {1 if sys.platform == 'win32' else -9}"):
            worker.ask("run")


def test_work_is_the_same_each_time_and_survives_json():
    cases = [work for module in (layer, recurrent, graph, conv) for _, work in module.cases(small=True).values()]
    for work in cases:
        again = Work.from_json(json.loads(json.dumps(work.to_json())))
        assert again == work
        assert again.inputs().tobytes() == work.inputs().tobytes()
        assert [w.tobytes() for w in again.weights()] == [w.tobytes() for w in work.weights()]
        assert work.inputs().shape[:2] == (work.steps, work.batch)


def residual(lif, x, before, w1, b1, w2, b2, w3, b3):
    first = lif(0, x @ w1.T + b1)
    second = lif(1, first @ w2.T + b2)
    return first, second, lif(2, (second + first) @ w3.T + b3)


def inhibition(lif, x, before, to_e, b_e, to_i, b_i, e_to_e, e_to_i, i_to_e, i_to_i):
    assert min(map(np.min, (to_e, to_i, e_to_e, e_to_i))) > 0
    assert max(map(np.max, (i_to_e, i_to_i))) < 0
    i, e = before or (np.zeros((len(x), len(to_i)), x.dtype), np.zeros((len(x), len(to_e)), x.dtype))
    return lif(0, x @ to_i.T + b_i + e @ e_to_i.T + i @ i_to_i.T), lif(1, x @ to_e.T + b_e + e @ e_to_e.T + i @ i_to_e.T)


def feedback(lif, x, before, w1, b1, back, w2, b2):
    last = before[1] if before else np.zeros((len(x), len(w2)), x.dtype)
    first = lif(0, x @ w1.T + b1 + last @ back.T)
    return first, lif(1, first @ w2.T + b2)


@pytest.mark.parametrize("net", [residual, inhibition, feedback])
def test_the_nets_of_graph_are_wired_as_they_say(net):
    work = graph.cases(small=True)[f"{net.__name__}-compact"][1]
    v, spikes, before = {}, [], None

    def lif(i, current):
        u = np.float32(0.95) * v.get(i, np.zeros_like(current)) + current
        v[i] = u - (u > 1)
        return (u > 1).astype(np.float32)

    for x in work.inputs():
        before = net(lif, x, before, *work.weights())
        spikes.append([z.mean() for z in before])
    facts = Job("ours_eager", work).contender.facts()
    assert facts["rates"] == pytest.approx(np.mean(spikes, 0))
    assert min(facts["rates"]) > 0.01
    if TORCH:
        torch = Job("torch_loop", work).contender.facts()
        assert torch["rates"] == pytest.approx(facts["rates"])
        assert torch["weight_gradient"] == pytest.approx(facts["weight_gradient"], rel=1e-4)
    assert facts["weight_gradient"] > 0.1


def test_layers_between_both_ends_of_a_feedback_are_run_together():
    works = {name: work for name, (_, work) in graph.cases(small=True).items()}
    assert [list(stage) for stage in works["residual-compact"].stages] == [[0], [1], [2], [3], [4], [5]]
    assert [list(stage) for stage in works["inhibition-compact"].stages] == [[0], [1], [2, 3, 4, 5, 6, 7]]
    assert [list(stage) for stage in works["feedback-compact"].stages] == [[0], [1, 2, 3, 4]]
    assert works["inhibition-compact"].fed_back(range(2, 8)) == [6, 7]
    assert works["feedback-compact"].fed_back(range(1, 5)) == works["feedback-compact"].leaving(range(1, 5)) == [4]


def test_a_peer_that_does_all_time_steps_at_once_refuses_feedback():
    work = graph.cases(small=True)["feedback-compact"][1]
    with pytest.raises(UnsupportedError, match="products of all time steps at once only"):
        gemms.Contender(work)
    if TORCH:
        with pytest.raises(UnsupportedError, match="excludes feedback"):
            Job("torch_expert", work).contender.iteration()


def test_the_first_layer_of_the_hidden_case_is_as_active_as_it_says():
    assert 0.05 < layer.cases(small=True)["compact-32"][1].active_share() < 0.15
    assert layer.cases(small=True)["hidden-32"][1].active_share() == 1


def test_names_of_peers():
    assert chosen("all", ["a", "b"]) == (["a", "b"], [])
    assert chosen("none", ["a"]) == ([], [])
    assert chosen("torch,b", ["torch_expert", "torch_compile", "b"]) == (["torch_expert", "torch_compile", "b"], [])
    assert chosen("c", ["a"]) == ([], ["c"])


def test_an_unknown_peer_is_an_error(capsys):
    with pytest.raises(SystemExit):
        main(["layer", "--peers", "matlab"])
    assert "not matlab" in capsys.readouterr().err


def test_quartiles_of_one_value_are_that_value():
    assert quartiles([2.0]) == (2.0, 2.0, 2.0)
    assert quartiles([1.0, 2.0, 3.0]) == (1.5, 2.0, 2.5)
