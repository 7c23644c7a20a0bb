"""The mnist experiment, also trained on real files if SPIKECELL_MNIST names their directory."""

import json
import os
import typing

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError
from experiments import mnist
from experiments.__main__ import main
from experiments.harness import RunDirectory

REAL = os.environ.get("SPIKECELL_MNIST")


@pytest.fixture
def small(tmp_path):
    """Return a directory with a small set."""
    place = tmp_path / "data"
    place.mkdir()
    mnist.write_small_set(place)
    return place


def metrics_of(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def result_of(directory):
    """Return everything that the seed decides."""
    lines = [{k: v for k, v in line.items() if k != "seconds"} for line in metrics_of(directory)]
    with np.load(directory / "weights.npz") as weights:
        return lines, {name: values.tobytes() for name, values in weights.items()}


def refused(capsys, out, *args):
    assert main(["mnist", *args, "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert not out.exists()
    return captured.err


def test_a_smoke_run_makes_up_a_set_says_its_size_and_learns(smoke):
    run = smoke("mnist")
    assert run.stdout.startswith("800 training and 200 test images (train and t10k files)\nseed 0: test accuracy ")
    first, last = metrics_of(run.directory)
    assert last["train_loss"] < first["train_loss"]
    assert last["test_accuracy"] > 0.2
    assert f"seed 0: test accuracy {last['test_accuracy']:.4f} on 200 held-out samples, trained in " in run.stdout


def test_its_progress_has_throughput_time_left_loss_and_accuracy(smoke):
    last = smoke("mnist").stderr.splitlines()[-1].rstrip()  # spaces wipe out what was longer before
    assert last.startswith("mnist, seed 0, epoch 2/2: 100%|")
    assert "1.60k/1.60k [" in last
    accuracy = metrics_of(smoke("mnist").directory)[-1]["test_accuracy"]
    assert last.endswith(f", test_accuracy={accuracy:.3f}]")
    assert all(part in last for part in ("samples/s, ", "<00:00, ", "loss=", "accuracy="))


def test_a_real_run_needs_the_directory_of_the_files(capsys, tmp_path):
    text = (
        "option --data: expected the directory of the MNIST files, got none. "
        "Pass --data, or try --smoke, which needs no files."
    )
    assert refused(capsys, tmp_path / "runs") == f"error: {text}\n"
    with pytest.raises(ArgumentError) as error:
        mnist.Config().splits()
    assert str(error.value) == text


def test_data_that_cannot_be_used_is_refused_before_there_is_a_run_directory(capsys, tmp_path, small):
    runs, place = tmp_path / "runs", tmp_path / "none"
    for extra in ([], ["--smoke"]):
        assert refused(capsys, runs, "--data", str(place), *extra) == (
            f"error: reading {place}: expected a directory with the MNIST files, got no such directory. "
            "Pass the directory of the four files.\n"
        )
    (small / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "expected t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz, got no such file." in refused(
        capsys, runs, "--data", str(small)
    )


@pytest.mark.parametrize(("option", "given"), [("--input", "spikes"), ("--surrogate", "step"), ("--mode", "fast")])
def test_an_invalid_choice(option, given, capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["mnist", "--smoke", option, given, "--out", str(tmp_path / "runs")])
    assert stopped.value.code == 2
    assert option in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_every_surrogate_can_be_chosen():
    choices = typing.get_args(typing.get_type_hints(mnist.Config)["surrogate"])
    assert list(choices) == [name for name in snn.surrogate.__all__ if name != "Surrogate"]
    for name in choices:
        net = mnist.build(mnist.Config(hidden=2, surrogate=name), np.random.default_rng(0))
        assert type(net[1].surrogate_function) is getattr(snn.surrogate, name)


def test_the_small_set_looks_like_mnist_and_is_the_same_each_time(small):
    data = snn.data.mnist(small)
    assert (data.train_images.shape, data.test_images.shape) == ((800, 28, 28), (200, 28, 28))
    assert (data.train_images.min(), data.train_images.max()) == (0, 255)
    assert not data.train_images[:, :2].any()
    assert set(data.test_labels) == set(range(10))
    made_up = mnist.Config(smoke=True).digests()
    assert made_up == {name: part.digest() for name, part in data.items()}
    assert made_up["train"] != made_up["test"]


def test_the_given_files_are_read_once_for_all_seeds_and_named_in_config_json(small, tmp_path, monkeypatch, capsys):
    reads, read = [], snn.data.mnist
    monkeypatch.setattr(snn.data, "mnist", lambda directory: reads.append(directory) or read(directory))
    out = tmp_path / "runs"
    assert main(["mnist", "--smoke", "--seeds", "2", "--hidden", "8", "--data", str(small), "--out", str(out)]) == 0
    assert reads == [small]
    configs = [json.loads((path / "config.json").read_text())["options"] for path in sorted((out / "mnist").iterdir())]
    assert [config["data"] for config in configs] == [str(small)] * 2
    assert "test accuracy: mean " in capsys.readouterr().out


def test_t10k_files_alone_are_split_and_the_run_says_so(small, tmp_path, capsys):
    for name in ("images-idx3", "labels-idx1"):
        (small / f"train-{name}-ubyte.gz").unlink()
    assert main(["mnist", "--smoke", "--data", str(small), "--out", str(tmp_path / "runs")]) == 0
    split = "no training files: the first 80 % of the t10k files, and the rest of them"
    assert capsys.readouterr().out.startswith(f"160 training and 40 test images ({split})\n")


def test_a_constant_input_is_a_view_and_a_poisson_one_draws_from_the_generator():
    x = np.array([[0.0, 0.25, 1.0]], np.float32)
    constant = mnist.encoder(mnist.Config(steps=400))(x, np.random.default_rng(0))
    assert (constant.shape, constant.array.strides[0]) == ((400, 1, 3), 0)
    np.testing.assert_array_equal(constant[-1], x)
    encode = mnist.encoder(mnist.Config(steps=400, input="poisson"))
    first, again, other = (encode(x, np.random.default_rng(seed)).asnumpy() for seed in (0, 0, 1))
    assert set(np.unique(first)) == {0.0, 1.0}
    np.testing.assert_allclose(first.mean(0), x, atol=0.07)
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_the_same_seed_gives_the_same_bits_and_the_weights_the_same_answers(kind, tmp_path):
    results, config = [], mnist.Config(smoke=True, input=kind, epochs=1, hidden=16, steps=6)
    for out in (tmp_path / "first", tmp_path / "second"):
        directory = RunDirectory(config, str(out))
        mnist.run(config, directory)
        results.append(result_of(directory.path))
    assert results[0] == results[1]
    net = mnist.build(config, np.random.default_rng(99))
    with np.load(directory.path / "weights.npz") as weights:
        assert net.load_state_dict(weights) == ([], [])
    (test,) = config.splits().test.batches(200)
    spikes = snn.run(net, mnist.encoder(config)(test.x, np.random.default_rng(config.seed)), mode="eager").out
    assert snn.metrics.accuracy(spikes, test.labels) == results[0][0][-1]["test_accuracy"]


def test_a_compiled_run_trains_too(tmp_path):
    config = mnist.Config(smoke=True, mode="compiled", hidden=32, steps=8, epochs=2, out=tmp_path)
    directory = RunDirectory(config, "mnist")
    assert mnist.run(config, directory)["test accuracy"] > 0.2


@pytest.mark.skipif(REAL is None, reason="SPIKECELL_MNIST names no directory with the MNIST files")
def test_real_images_are_learnt(tmp_path):
    """With the t10k files alone, 8,000 images to train on, they reach .979, .970, .975, .977 and .972 with seeds 0 to 4."""
    config = mnist.Config(data=REAL, mode="compiled", out=tmp_path)
    assert mnist.run(config, RunDirectory(config, "mnist"))["test accuracy"] >= 0.96
