"""Names from other packages for spiking networks, and their replacements here, by module.

See :mod:`autograd.foreign` for the use of this table.
"""

from __future__ import annotations

__all__ = ["MODULES"]

_NOTHING_TO_RESET = "There is nothing to reset or detach: snn.run(net, x) starts fresh unless state= is given"
_OVER_TIME = "snn.run(net, x) takes a neuron or a net over all time steps"
_NO_PARALLEL_LEAK = "snn.run(net, x) compiles snn.LIFNode over time; without a reset, use snn.PSN or its variants"
_NO_TIMES = "There is no loss on spike times; snn.metrics.accuracy(..., readout='first_spike') reads them"
_RECORD = "Pass record=['spike', 'v'] to snn.run"

_POISSON = "Use snn.encode.rate(x, T, rng) with x = rate * dt / 1000, for a rate in Hz and dt in ms"

_LI = "Use snn.CurrentLIFNode(tau_syn=5.0, tau=10.0, decay_input=True, fire=False)"

_DIALECT = "snn.LIFNode.dialect('{}', ...) equals its defaults"

_SNN: dict[str, str] = {
    # snnTorch
    "Leaky": f"Use snn.LIFNode(beta=0.9); {_DIALECT.format('snntorch')}",
    "Lapicque": "Use snn.LIFNode(tau=5.0, decay_input=True)",
    "Synaptic": "Use snn.CurrentLIFNode(alpha=0.9, beta=0.8), or snn.CurrentLIFNode.dialect('snntorch', ...)",
    "Alpha": "Use snn.AlphaNode, or snn.synapses.Alpha before a neuron",
    "RLeaky": "Use snn.Recurrent(snn.LIFNode(beta=0.9), n)",
    "SLSTM": "The only spiking LSTM is snn.ConvLSTM, for images",
    "SConv2dLSTM": "Use snn.ConvLSTM",
    "RSynaptic": "Use snn.Recurrent(snn.CurrentLIFNode(), n)",
    "LeakyParallel": _NO_PARALLEL_LEAK,
    "StateLeaky": _NO_PARALLEL_LEAK,
    "SpikingNeuron": "Use snn.Neuron as the base class",
    "functional": f"Losses are in snn.losses, scores in snn.metrics. {_NOTHING_TO_RESET}",
    "BatchNormTT1d": "Use snn.BNTT(T, num_features)",
    "BatchNormTT2d": "Use snn.BNTT(T, num_features)",
    "spikegen": "Use snn.encode",
    "spikeplot": "Use snn.plot",
    "spikevision": "Use snn.data, such as snn.data.shd(directory)",
    "utils": _NOTHING_TO_RESET,
    "backprop": f"{_OVER_TIME}, and autograd.value_and_grad differentiates it",
    "export_nir": "Use snn.interop.nir.to_nir with a net, the shape of a sample and dt",
    "export_to_nir": "Use snn.interop.nir.to_nir with a net, the shape of a sample and dt",
    "import_from_nir": "Use snn.interop.nir.from_nir with a graph or a path",
    "import_nir": "Use snn.interop.nir.from_nir with a graph or a path",
    # SpikingJelly
    "activation_based": "Everything is in snn itself: snn.LIFNode, snn.surrogate, snn.encode",
    "clock_driven": "Everything is in snn itself: snn.LIFNode, snn.surrogate, snn.encode",
    "neuron": "Neurons are in snn itself, such as snn.LIFNode",
    "encoding": "Use snn.encode",
    "monitor": _RECORD,
    "OutputMonitor": _RECORD,
    "InputMonitor": "Pass record=['x'] to snn.run: the input of each neuron",
    "AttributeMonitor": _RECORD,
    "layer": "Layers are in autograd.nn, such as nn.Conv2d, and in snn itself, such as snn.TDBatchNorm",
    "SeqToANNContainer": f"Leave it out: {_OVER_TIME}",
    "MultiStepContainer": f"Leave it out: {_OVER_TIME}",
    "StepModeContainer": f"Leave it out: {_OVER_TIME}",
    "StatelessLayer": f"Leave it out: {_OVER_TIME}",
    "set_step_mode": f"Leave it out: {_OVER_TIME}",
    "set_backend": "Leave it out: snn.run(..., mode='auto') chooses",
    "detach_net": _NOTHING_TO_RESET,
    "ThresholdDependentBatchNorm1d": "Use snn.TDBatchNorm(num_features)",
    "ThresholdDependentBatchNorm2d": "Use snn.TDBatchNorm(num_features)",
    "visualizing": "Use snn.plot",
    "datasets": "Use snn.data",
    "BaseNode": "Use snn.Neuron as the base class",
    "ParametricLIFNode": "Use snn.PLIFNode",
    "MultiStepIFNode": f"Use snn.IFNode: {_OVER_TIME}",
    "MultiStepLIFNode": f"Use snn.LIFNode: {_OVER_TIME}",
    "MultiStepParametricLIFNode": f"Use snn.PLIFNode: {_OVER_TIME}",
    "PoissonEncoder": "Use snn.encode.rate(x, T, rng)",
    "LatencyEncoder": "Use snn.encode.latency(x, T)",
    # Norse, Sinabs, Rockpool, Spyx, NIR
    "LIF": "Use snn.LIFNode(beta=0.9)",
    "LIFCell": f"Use snn.LIFNode; {_DIALECT.format('norse')}",
    "LIFRecurrent": "Use snn.Recurrent(snn.CurrentLIFNode(), n)",
    "LIFRecurrentCell": "Use snn.Recurrent(snn.CurrentLIFNode(), n)",
    "LIFParameters": "Constants are arguments of a neuron, such as snn.LIFNode(tau=10.0, decay_input=True)",
    "LIFBox": "Use snn.LIFNode(tau=10.0, decay_input=True)",
    "CubaLIF": "Use snn.CurrentLIFNode",
    "CuBaLIF": "Use snn.CurrentLIFNode",
    "IF": "Use snn.IFNode()",
    "IAF": "Use snn.IFNode(); snn.IFNode.dialect('sinabs', ...) equals its defaults",
    "ALIF": "Use snn.ALIFNode, or snn.LSNNNode",
    "LSNN": "Use snn.LSNNNode",
    "LSNNCell": "Use snn.LSNNNode",
    "RLIF": "Use snn.Recurrent(snn.LIFNode(beta=0.9), n)",
    "LI": "Use snn.LeakyReadout(beta=0.9)",
    "LICell": _LI,
    "LILinearCell": f"{_LI} after an autograd.nn.Dense without bias",
    "ExpLeak": "Use snn.LeakyReadout(beta=0.9)",
    "PLIF": "Use snn.PLIFNode",
    "Izhikevich": "Use snn.IzhikevichNode",
    "AdEx": "Use snn.AdExNode",
    "QIF": "Use snn.QIFNode",
    "EIF": "Use snn.EIFNode",
    "Lift": _OVER_TIME,
    "SequentialState": "Use autograd.nn.SequentialCell: snn.run keeps the state of each layer",
    "Sequential": "Use autograd.nn.SequentialCell",
    "Linear": "Use autograd.nn.Dense",
    "Dense": "Use autograd.nn.Dense",
    "Cell": "Use autograd.Cell",
    "reset": _NOTHING_TO_RESET,
    "reset_net": _NOTHING_TO_RESET,
    "detach": _NOTHING_TO_RESET,
    # Brian 2, Nengo, BindsNET
    "NeuronGroup": "Use a neuron, such as snn.LIFNode; the input sets its size",
    "SpikeMonitor": _RECORD,
    "StateMonitor": _RECORD,
    "Monitor": _RECORD,
    "Probe": _RECORD,
    "PoissonGroup": _POISSON,
    "PoissonInput": _POISSON,
    "TimedArray": "Pass its values as the input of snn.run, an array [T, N, ...]",
    "SpikeGeneratorGroup": "Pass its spikes as the input of snn.run, an array [T, N, ...] of 0 and 1",
    "PopulationRateMonitor": "Pass record=['spike'] to snn.run; snn.plot.population_rate draws the mean",
    "EventMonitor": _RECORD,
    "start_scope": _NOTHING_TO_RESET,
    "defaultclock": "Constants are in time steps: divide times by your dt",
    "Network": "Use autograd.nn.SequentialCell",
    "Simulator": _OVER_TIME,
    "Synapses": "Use autograd.nn.Dense for weights, and snn.synapses for time courses",
}

_SURROGATE: dict[str, str] = {
    "ATan": "Use snn.surrogate.atan",
    "arctan": "Use snn.surrogate.atan",
    "Arctan": "Use snn.surrogate.atan",
    "FastSigmoid": "Use snn.surrogate.fast_sigmoid",
    "superspike": "Use snn.surrogate.fast_sigmoid",
    "SuperSpike": "Use snn.surrogate.fast_sigmoid",
    "Sigmoid": "Use snn.surrogate.sigmoid",
    "logistic": "Use snn.surrogate.sigmoid",
    "Erf": "Use snn.surrogate.erf",
    "gaussian": "Use snn.surrogate.erf(1 / (sigma * 2**0.5))",
    "Gaussian": "Use snn.surrogate.erf(1 / (sigma * 2**0.5))",
    "MultiGaussian": "Use snn.surrogate.multi_gaussian",
    "slayer": "Use snn.surrogate.exponential",
    "SLAYER": "Use snn.surrogate.exponential",
    "PiecewiseExp": "Use snn.surrogate.exponential",
    "piecewise_exp": "Use snn.surrogate.exponential",
    "SingleExponential": "Use snn.surrogate.exponential",
    "PeriodicExponential": "Use snn.surrogate.periodic_exponential",
    "spike_rate_escape": "Use snn.surrogate.exponential",
    "Rect": "Use snn.surrogate.rectangle",
    "rect": "Use snn.surrogate.rectangle",
    "boxcar": "Use snn.surrogate.rectangle",
    "triangular": "Use snn.surrogate.triangle",
    "Triangle": "Use snn.surrogate.triangle",
    "piecewise_quadratic": "Use snn.surrogate.triangle",
    "PiecewiseQuadratic": "Use snn.surrogate.triangle",
    "tent": "Use snn.surrogate.triangle",
    "SFS": "Use snn.surrogate.sparse_fast_sigmoid",
    "LSO": "Use snn.surrogate.leaky_relu",
    "leaky_spike_operator": "Use snn.surrogate.leaky_relu",
    "LeakyKReLU": "Use snn.surrogate.leaky_relu",
    "leaky_k_relu": "Use snn.surrogate.leaky_relu",
    "SSO": "A surrogate draws no random numbers; snn.Stochastic(node, rng=0) fires at random",
    "StochasticSpikeOperator": "A surrogate draws no random numbers; snn.Stochastic(node, rng=0) fires at random",
    "heaviside": "Use snn.surrogate.leaky_relu(leak=0.0), or snn.surrogate.step_pwl for one with a window",
    "Heaviside": "Use snn.surrogate.leaky_relu(leak=0.0), or snn.surrogate.step_pwl for one with a window",
    "straight_through_estimator": "Use snn.surrogate.straight_through",
    "DeterministicPass": "Use snn.surrogate.straight_through",
    "SoftSign": "Use snn.surrogate.soft_sign",
    "S2NN": "Use snn.surrogate.s2nn",
    "QPseudoSpike": "Use snn.surrogate.q_pseudo_spike",
    "NonzeroSignLogAbs": "Use snn.surrogate.nonzero_sign_log_abs",
    "LogTailedReLU": "Use snn.surrogate.log_tailed_relu",
    "FakeNumericalGradient": "Use snn.surrogate.fake_numerical_gradient",
    "custom_surrogate": "Write a Cell with construct and bprop, or a subclass of snn.surrogate.Surrogate",
}

_ENCODE: dict[str, str] = {
    "poisson": "Use snn.encode.rate(x, T, rng)",
    "bernoulli": "Use snn.encode.rate(x, T, rng)",
    "rate_conv": "Use snn.encode.rate(x, T, rng)",
    "PoissonEncoder": "Use snn.encode.rate(x, T, rng)",
    "poisson_encode": "Use snn.encode.rate(x, T, rng)",
    "rate_encode": "Use snn.encode.rate(x, T, rng)",
    "LatencyEncoder": "Use snn.encode.latency(x, T)",
    "latency_code": "Use snn.encode.latency(x, T)",
    "spike_latency_encode": "Use snn.encode.latency(x, T)",
    "repeat": "Use snn.encode.direct(x, T)",
    "constant": "Use snn.encode.direct(x, T)",
    "constant_current_lif_encode": "Run neurons on it: snn.run(snn.LIFNode(beta=0.9), snn.encode.direct(x, T))",
    "delta": "There is no delta code; np.diff(x, axis=0) has the changes over time",
}

_LOSSES: dict[str, str] = {
    "ce_rate_loss": "Use snn.losses.stepwise_cross_entropy(spikes, labels)",
    "ce_count_loss": "Use snn.losses.count_cross_entropy(spikes, labels)",
    "ce_max_membrane_loss": "Use snn.losses.max_membrane_cross_entropy(v, labels)",
    "ce_temporal_loss": _NO_TIMES,
    "mse_temporal_loss": _NO_TIMES,
    "mse_count_loss": "Use snn.losses.rate_mse(spikes, labels, correct=0.8, incorrect=0.2)",
    "mse_membrane_loss": "Use autograd.ops.square(v - target).mean()",
    "l1_rate_sparsity": "Use autograd.ops.abs(spikes).mean() times a factor",
    "CrossEntropyLoss": "Use snn.losses.cross_entropy(scores, labels)",
    "MSELoss": "Use snn.losses.rate_mse(spikes, labels), or autograd.nn.MSELoss",
}

_METRICS: dict[str, str] = {
    "accuracy_rate": "Use snn.metrics.accuracy(spikes, labels, readout='count')",
    "accuracy_temporal": "Use snn.metrics.accuracy(spikes, labels, readout='first_spike')",
    "confusion_matrix": "snn.plot.confusion(labels, predictions) draws it",
    "spike_rate": "Use snn.metrics.firing_rate(spikes)",
}

_PLOT: dict[str, str] = {
    "traces": "Use snn.plot.trace(v=v, spikes=spikes)",
    "raster_plot": "Use snn.plot.raster(spikes)",
    "plot_1d_spikes": "Use snn.plot.raster(spikes)",
    "plot_one_neuron_v_s": "Use snn.plot.trace(v=v, spikes=spikes)",
    "voltage": "Use snn.plot.trace(v=v)",
    "confusion_matrix": "Use snn.plot.confusion(labels, predictions)",
    "animator": "Use snn.plot.movie for a movie of events",
    "spike_count": "Use snn.plot.raster(spikes), which writes the mean rate beside each layer",
}

_DATA: dict[str, str] = {
    "DataLoader": "Use dataset.batches(size, rng); snn.data.from_loader adapts a DataLoader of torch",
    "FashionMNIST": "Use snn.data.fashion_mnist(directory)",
    "KMNIST": "Use snn.data.kmnist(directory)",
    "EMNIST": "Use snn.data.emnist(directory, split)",
    "CIFAR10": "Use snn.data.cifar10(directory)",
    "CIFAR10DVS": "Use snn.data.cifar10_dvs(directory)",
    "NMNIST": "Use snn.data.nmnist(directory)",
    "NCALTECH101": "Use snn.data.ncaltech101(directory)",
    "NCaltech101": "Use snn.data.ncaltech101(directory)",
    "DVSGesture": "Use snn.data.dvs_gesture(directory)",
    "DVS128Gesture": "Use snn.data.dvs_gesture(directory)",
    "SHD": "Use snn.data.shd(directory)",
    "SpikingHeidelbergDigits": "Use snn.data.shd(directory)",
    "SSC": "Use snn.data.ssc(directory)",
    "SpikingSpeechCommands": "Use snn.data.ssc(directory)",
    "YinYangDataset": "Use snn.data.yin_yang(0); 0 is the seed",
    "Randman": "Use snn.data.randman, with a seed",
    "MackeyGlass": "Use snn.data.mackey_glass(17); 17 is the delay",
    "SMNIST": "Use snn.data.sequential_mnist(directory, seed)",
    **dict.fromkeys(
        (
            "integrate_events_by_fixed_frames_number",
            "integrate_events_file_to_frames_file_by_fixed_frames_number",
            "integrate_events_segment_to_frame",
        ),
        "Use snn.data.transforms.FixedFrames(T) for split_by='time', EventFrames(number) for split_by='number'",
    ),
    **dict.fromkeys(
        ("integrate_events_by_fixed_duration", "integrate_events_file_to_frames_file_by_fixed_duration"),
        "Use snn.data.transforms.TimeBins(step, from_first=True)",
    ),
    "split_to_train_test_set": "Use one, other = dataset.split(share, rng)",
    "DiskCachedDataset": "Keep frames in arrays: snn.data.Dataset(snn.data.Arrays(x, labels), kind='sequence')",
}

_TRANSFORMS: dict[str, str] = {
    "Compose": "Pass several: dataset.map(one, two)",
    "ToFrame": "Use transforms.TimeBins(step), FixedFrames(T) or EventFrames(number)",
    "CenterCrop": "Use transforms.Crop(height, width)",
    "CropTimeSteps": "Use transforms.CropTime(start, length)",
    "Denoise": "Use transforms.HotPixels(rate), which leaves out pixels that fire too often",
    "DropEvent": "Use transforms.Drop(share)",
    "DropEventByTime": "Use transforms.DropTime(share)",
    "SpatialJitter": "Use transforms.SpaceJitter(sigma)",
    "MergePolarities": "Use transforms.MergePolarity()",
    "PadTensors": "Batches are padded, with a mask: dataset.batches(size, rng)",
}

# snnTorch and SpikingJelly have these in a module functional.
_SNN |= {
    name: text for table in (_LOSSES, _METRICS) for name, text in table.items() if name not in ("CrossEntropyLoss", "MSELoss")
}

_LEARNT = "Pass a Parameter, such as beta=autograd.Parameter(np.float32(0.9)); it is learnt"
_CARRIED = "Leave it out: snn.run passes the state from step to step"

NEURON: dict[str, str] = {
    "learn_beta": _LEARNT,
    "learn_alpha": _LEARNT,
    "learn_threshold": f"{_LEARNT.replace('beta=', 'v_threshold=').replace('0.9', '1.0')}",
    "init_hidden": _CARRIED,
    "output": _CARRIED,
    "reset_delay": "Leave it out: the reset is immediate; snn.LIFNode.dialect('snntorch', ...) has the delayed one",
    "step_mode": f"Leave it out: {_OVER_TIME}",
    "backend": "Leave it out: snn.run(..., mode='compiled') is the fast mode",
    "store_v_seq": "Leave it out: snn.run(..., record=['v']) records it",
    "size": "Leave it out: the input sets the number of neurons",
    "N": "Leave it out: the input sets the number of neurons",
}
"""What to do instead, for arguments of neurons in other packages."""

MODULES: dict[str, dict[str, str]] = {
    "snn": _SNN, "snn.surrogate": _SURROGATE, "snn.encode": _ENCODE, "snn.losses": _LOSSES, "snn.metrics": _METRICS,
    "snn.plot": _PLOT, "snn.data": _DATA, "snn.data.transforms": _TRANSFORMS,
}  # fmt: skip
"""The replacement for a name, by module."""
