"""Training over MPI: two ranks give the result of one; an error or interrupt of one rank reaches all."""

import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import snn
from autograd import Tensor, nn
from autograd.errors import ArgumentError, DTypeError, MissingExtraError
from snn.checkpoint import Checkpoints
from snn.train.streams import Streams

from .program import Study, history, weights

ROOT, PROGRAM = Path(__file__).parents[3], Path(__file__).with_name("program.py")
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="needs mpi4py and mpiexec"
)


def mpiexec(*args, options=()):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [MPIEXEC, *options, "-n", "2", sys.executable, "-m", "mpi4py", str(PROGRAM), *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment, timeout=120)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return the results of two ranks, and the directory in which they wrote."""
    place = tmp_path_factory.mktemp("ranks")
    done = mpiexec("together", place)
    assert done.returncode == 0, done.stderr
    return *(json.loads((place / f"rank-{rank}.json").read_text()) for rank in (0, 1)), place


def one(name):
    """Return a study and its trainer after training without other ranks."""
    study = Study()
    options = {"clip": 0.1, "accumulate": 2} if name == "clipped" else {}
    trainer = study.trainer(batches=study.from_data if name == "data" else study.batches, **options)
    trainer.fit(3)
    return study, trainer


@needs_mpi
@pytest.mark.parametrize("name", ["arrays", "data", "clipped"])
def test_two_ranks_come_to_the_weights_of_one(both, name):
    first, second, place = both
    study, trainer = one(name)
    start = weights(Study())
    for key, value in weights(study).items():
        assert first[name]["weights"][key] == second[name]["weights"][key]
        np.testing.assert_allclose(first[name]["weights"][key], value, rtol=1e-9, atol=1e-12)
        assert np.abs(np.subtract(value, start[key])).max() > 1e-3
    assert first[name]["steps"] == second[name]["steps"] == trainer.step
    assert first[name]["history"] == second[name]["history"]
    for line, whole in zip(first[name]["history"], history(trainer), strict=True):
        assert line["train_loss"] == pytest.approx(whole["train_loss"], rel=1e-9)
        assert whole["train_samples"] == pytest.approx((4 * 25 + 1) / 21)
        assert line["train_samples"] == pytest.approx((4 * (9 + 4) + 1) / 21)  # 3 and 2 of five, each by its number
    # The last batch has one sample, of which the second rank has no part.
    assert (first[name]["calls"], second[name]["calls"]) == (study.calls, study.calls - 3)
    lines = [json.loads(line) for line in (place / f"{name}.jsonl").read_text().splitlines()]
    assert [line["train_loss"] for line in lines] == [line["train_loss"] for line in first[name]["history"]]


@needs_mpi
def test_each_rank_draws_noise_of_its_own_and_the_same_each_time(both):
    first, second, _ = both
    draws = first["noise"]["drawn"] + second["noise"]["drawn"]
    assert len(set(draws)) == len(draws) > 15
    for rank in (first, second):
        assert rank["noise"] == rank["again"]
    assert first["noise"]["weights"] == second["noise"]["weights"]


@needs_mpi
def test_ctrl_c_on_one_rank_ends_all_after_the_same_step_and_a_resume_has_the_same_bits(both):
    first, second, _ = both
    for rank in (first, second):
        assert rank["interrupted"] == rank["saved"] == 7
        assert rank["resumed"] == [True, 7, 2]
        assert rank["resumed weights"] == first["noise"]["weights"]


@needs_mpi
def test_the_error_of_a_rank_is_that_of_all(both):
    first, second, _ = both
    assert second["error"][0] == "ZeroDivisionError: division by zero"
    text, notes = first["error"]
    assert text == (
        "RankError: rank 1 of 2: expected no error, got ZeroDivisionError: division by zero. Fix it. "
        "Restart all ranks, and resume from the last checkpoint, which is complete."
    )
    assert "in fails" in notes[0]
    assert first["hook"][0] == "ZeroDivisionError: division by zero"
    assert "RankError: rank 0 of 2: expected no error, got ZeroDivisionError" in second["hook"][0]


@needs_mpi
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("norm", "Trainer, ranks, layer 1: expected layers that take each sample by itself, got BatchNorm1d"),
        (
            "order",
            "batches: expected the same first batch on every rank, got different ones. Draw the order from a generator that",
        ),
        ("order of data", "Trainer, batches: expected an order drawn from a generator that all ranks share, got one of their"),
        ("built", "rank 1: expected a Trainer built like that of rank 0, got settings {'clip': 2.0, 'accumulate': 1}."),
        ("moved", "ranks 1: expected the net of rank 0, Parameters and attributes, after each epoch, got another."),
        ("attribute", "ranks 1: expected the net of rank 0, Parameters and attributes, after each epoch, got another."),
        ("delays", "ranks 1: expected the net of rank 0, Parameters and attributes, after each epoch, got another."),
        ("sizes", "batches: expected the same first batch on every rank, got different ones."),
        ("fewer", "Trainer, batches: expected as many batches on every rank, got 1 and 0. All ranks must draw the same epoch"),
        ("place", "expected all ranks at the same place in the training run, got rank 0 at place 0; rank 1 at place 1."),
        ("batch", "Trainer, batches: expected batches of dataset.batches(...), arrays, or tuples or dicts of arrays"),
        ("generator", "Trainer, ranks, generator 'rng': expected one that can jump ahead"),
    ],
)
def test_what_cannot_be_right_is_refused_on_every_rank(both, name, text):
    for rank in both[:2]:
        assert text in rank[name][0]


@needs_mpi
def test_a_norm_with_statistics_of_its_own_is_taken(both):
    assert both[0]["frozen norm"] is both[1]["frozen norm"] is None


def check_resumed(place):
    """See that a run whose ranks have died goes on to the weights of one that did not."""
    saved = Checkpoints(place / "saved").load()
    assert saved["step"] in (6, 7)  # the first may have had no time for the last one
    study, whole = Study(), Study()
    trainer = study.trainer()
    assert trainer.resume(place / "saved")
    trainer.fit(3)
    whole.trainer().fit(3)
    for key, value in weights(whole).items():
        np.testing.assert_allclose(weights(study)[key], value, rtol=1e-9, atol=1e-12)


@needs_mpi
def test_a_rank_that_is_killed_ends_the_run_and_leaves_its_checkpoint(tmp_path):
    start = time.monotonic()
    done = mpiexec("killed", tmp_path)
    assert done.returncode
    assert time.monotonic() - start < 50  # before the time-out of ranks
    assert "signal" in (done.stdout + done.stderr).lower()
    check_resumed(tmp_path)


@needs_mpi
def test_a_rank_that_does_not_answer_is_an_error_of_the_others(tmp_path):
    done = mpiexec("stopped", tmp_path, 5)
    assert done.returncode
    assert (
        "autograd.errors.RankError: rank 0 of 2: expected answers from all ranks within 5 s, got none from some. "
        "One has died, or takes longer: then raise timeout. Restart all ranks, and resume"
    ) in done.stderr
    check_resumed(tmp_path)


@needs_mpi
def test_one_rank_has_the_bits_of_none(tmp_path):
    """Run in a process of its own, in which alone there is an MPI."""
    script = (
        f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r})\nimport snn\nfrom program import Study, history, weights\n"
        "found = []\nfor ranks in (None, snn.train.Ranks()):\n"
        "    study = Study(noise=0.1)\n    trainer = study.trainer(ranks=ranks)\n    trainer.fit(2)\n"
        "    found.append((weights(study), history(trainer)))\nassert found[0] == found[1]\nprint(ranks)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "<rank 0 of 1>\n"


class Second(snn.train.Ranks):
    """The second of three ranks, as far as it needs no other."""

    def __init__(self, part=None):
        self.rank, self.size, self._part = 1, 3, part

    def exchange(self, what, value, error=None):
        return [value]


class Pair(NamedTuple):
    x: np.ndarray
    mask: np.ndarray | None


def test_a_batch_is_cut_along_its_samples_whatever_it_is_made_of():
    a = np.arange(14).reshape(7, 2)  # 3, 2 and 2 samples
    cases = [a, (a, a[:, 0]), [a], {"x": a, "more": (a, None)}, Pair(a, None), Tensor(a)]
    parts = Second().parts(cases, [])
    assert len(parts) == len(cases)
    array, both, alone, named, pair, tensor = parts
    part = a[3:5]
    for found in (array, both[0], alone[0], named["x"], named["more"][0], pair.x, tensor.asnumpy()):
        np.testing.assert_array_equal(found, part)
    np.testing.assert_array_equal(both[1], part[:, 0])
    assert (type(both), type(alone), type(pair), type(tensor)) == (tuple, list, Pair, Tensor)
    assert named["more"][1] is pair.mask is None
    assert [None if part is None else len(part) for part in Second().parts([np.arange(n) for n in (0, 1, 2)], [])] == [
        None,
        None,
        1,
    ]
    own = Second(lambda batch, rank, size: batch[rank::size])
    assert [list(part) for part in own.parts(iter(["abcdefg"]), [])] == [["b", "e"]]


def test_streams_of_ranks_never_meet_and_join_where_one_has_drawn():
    for kind in (np.random.PCG64, np.random.Philox, np.random.MT19937):
        drawn, after = [], set()
        for rank in range(3):
            used, spared = (np.random.Generator(kind(seed)) for seed in (1, 2))
            start = pickle.dumps(spared.bit_generator.state)
            for _ in range(4):
                streams = Streams([used, spared, used], rank, 3)
                drawn += used.random(50).tolist()
                assert streams.drawn() == {0}
                streams.join({0})
            assert pickle.dumps(spared.bit_generator.state) == start
            after.add(pickle.dumps(used.bit_generator.state))
        assert len(after) == 1
        assert len(set(drawn)) == 3 * 4 * 50
    alone, plain = np.random.default_rng(0), np.random.default_rng(0)
    streams = Streams([alone], 0, 1)
    alone.random()
    streams.join(streams.drawn())
    plain.random()
    assert alone.random() == plain.random()


def test_without_mpi4py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MissingExtraError, match=r"Install the extra: pip install 'spikecell\[mpi\]'"):
        snn.train.Ranks()


def test_arguments_are_checked():
    with pytest.raises(ArgumentError, match="expected a timeout in seconds, above 0, got 0"):
        snn.train.Ranks(timeout=0)
    with pytest.raises(DTypeError, match="expected part, a function, got int"):
        snn.train.Ranks(part=3)
    with pytest.raises(DTypeError, match=r"expected ranks, a snn\.train\.Ranks, got int"):
        Study().trainer(ranks=2)


def test_one_rank_may_normalise_by_its_batch():
    study = Study(layers=[nn.BatchNorm1d(12, dtype=np.float64)])
    assert len(study.trainer(batches=lambda start: [np.arange(10), np.arange(10, 21)][start:]).fit(1)) == 1


@needs_mpi
def test_the_program_of_the_docs_comes_to_the_same_with_two_ranks(tmp_path):
    text = (ROOT / "docs" / "ranks.md").read_text(encoding="utf-8")
    program = tmp_path / "train.py"
    program.write_text(text.partition("```python\n")[2].partition("```\n")[0])
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    outputs = [
        subprocess.run(
            [MPIEXEC, "-n", str(ranks), sys.executable, "-m", "mpi4py", str(program)], capture_output=True, text=True,
            check=True, env=environment, timeout=120,
        ).stdout for ranks in (1, 2)
    ]  # fmt: skip
    (first, one), (second, two) = (output.split("> ") for output in outputs)
    assert (first, second) == ("<rank 0 of 1", "<rank 0 of 2")
    assert float(one) == pytest.approx(float(two), abs=2e-4)
