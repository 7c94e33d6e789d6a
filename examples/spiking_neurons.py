"""Spiking neurons learn by timing: the gradient is a window on the order of two spikes.

Synapses that act just before a neuron fires are strengthened, those that come just after weakened
(spike-timing-dependent plasticity, STDP). Two models show it as a gradient. The first is a neuron
that integrates, leaks, and fires at a threshold. A step has no slope, so in the reverse sweep a
smooth one stands for it (surrogate gradient). The neuron fires too late, and learns to fire on
time: what came before the right time is strengthened, what came after it weakened.

The second is a soma with the channels of Hodgkin and Huxley (1952) and a passive dendrite, into
which the soma's spikes spread back. A current makes the soma fire once, and the dendrite is to
predict that (Urbanczik and Senn, 2014): its potential `U` gives a rate of firing `r(U)`, and what
grows is the likelihood `log r` at the spike minus the integral of `r` at all other times. A synapse
just before the spike raises the first term, one just after it the second: the dendrite is still
charged by the spike that spread back, and there `r(U)` is steep.

The adjoint: a hundred synapses of weight zero, one for each time, have the whole window as their
gradient: one sweep gives the adjoint of the dendrite's current, and each reads it at its time.

The oracle: for the first neuron forward sensitivities, written by hand; for the second the complex
step, which asks for the derivative synapse by synapse.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad

MEMBRANE, SYNAPSE, MEMORY = 0.9, 0.7, 0.95
"""What is left of potential, current and trace after a millisecond."""


def slope(v):
    """The derivative that stands for that of the threshold at 1."""
    return 1.0 / (1.0 + 4.0 * abs(v - 1.0)) ** 2


def soft(v):
    """The integral of `slope`: a smooth step."""
    return (v - 1.0) / (1.0 + 4.0 * abs(v - 1.0))


def fire(v):
    """One if the potential is above the threshold; in the reverse sweep, as smooth as `soft`."""
    return srcad.straight_through(1.0 if v > 1.0 else 0.0, soft(v))


def spike_train(w, arrivals):
    """A spike or none in each millisecond: the potential leaks, integrates, and fires at 1."""
    current, v, spikes = 0.0, 0.0, np.zeros(len(arrivals))
    for t in range(len(arrivals)):
        spikes[t] = fire(v)
        current = SYNAPSE * current + arrivals[t] @ w
        v = MEMBRANE * v + current - spikes[t]
    return spikes


def distance(w, arrivals, target):
    """How far the spikes are from the target's, both as fading traces (van Rossum, 2001)."""
    spikes, difference, total = spike_train(w, arrivals), 0.0, 0.0
    for t in range(len(arrivals)):
        difference = MEMORY * difference + spikes[t] - target[t]
        total += difference**2
    return total / len(arrivals)


def rate_constants(v):
    """Opening and closing rates of the gates m, h and n (Hodgkin and Huxley, 1952), per ms."""
    m = 0.1 * (v + 40.0) / (1.0 - np.exp(-0.1 * (v + 40.0))), 4.0 * np.exp(-(v + 65.0) / 18.0)
    h = 0.07 * np.exp(-0.05 * (v + 65.0)), 1.0 / (1.0 + np.exp(-0.1 * (v + 35.0)))
    n = 0.01 * (v + 55.0) / (1.0 - np.exp(-0.1 * (v + 55.0))), 0.125 * np.exp(-(v + 65.0) / 80.0)
    return m, h, n


def relaxed(gate, rates, dt):
    """A gate after a step: it tends to opening / (opening + closing)."""
    opening, total = rates[0], rates[0] + rates[1]
    return opening / total + (gate - opening / total) * np.exp(-dt * total)


def log_likelihood(g, kernel, drive, dt, onset, after, potentials):
    """That the dendrite's rate of firing gives a spike at `onset`, and none before or `after` it.

    `kernel[t, k]` opens synapse `k` of weight `g[k]`; `potentials` gets soma and dendrite, in mV.
    """
    v = u = -65.0
    m, h, n, likelihood = 0.053, 0.596, 0.318, 0.0
    for t in range(len(drive)):
        rate = 0.02 * np.exp((u + 55.0) / 5.0)
        if t == onset:
            likelihood += np.log(rate)
        elif t < onset or t >= after:
            likelihood -= dt * rate
        channels = 120.0 * m**3 * h * (50.0 - v) + 36.0 * n**4 * (-77.0 - v) + 0.3 * (-54.4 - v)
        synapses = (kernel[t] @ g) * (0.0 - u)
        rates = rate_constants(v)
        m, h, n = relaxed(m, rates[0], dt), relaxed(h, rates[1], dt), relaxed(n, rates[2], dt)
        from_soma = v - u
        v += dt * (drive[t] + channels - from_soma)
        u += dt * (0.1 * (-65.0 - u) + synapses + from_soma) / 4.0
        potentials[t, 0] = v
        potentials[t, 1] = u
    return likelihood


distance_gradient = srcad.value_and_grad(distance)
window_of = srcad.grad(log_likelihood)


def inputs(count, length):
    """One spike for each synapse, spread over the time: `arrivals[t, k]` is 1 when it comes."""
    times = np.linspace(5, length - 6, count).astype(int)
    arrivals = np.zeros((length, count))
    arrivals[times, np.arange(count)] = 1.0
    return arrivals, times


def learn(w, arrivals, target, rate, steps):
    """Gradient descent; returns the weights and the distances."""
    values = []
    for _ in range(steps):
        value, w_bar = distance_gradient(w, arrivals, target)
        values.append(value)
        w = w - rate * w_bar
    return w, values


def by_hand(w, arrivals, target):
    """The surrogate gradient by forward sensitivities of all synapses, in NumPy."""
    current, v, difference = 0.0, 0.0, 0.0
    current_d, v_d, trace_d, gradient = (np.zeros(len(w)) for _ in range(4))
    for t in range(len(arrivals)):
        spike, spike_d = float(v > 1.0), slope(v) * v_d
        difference = MEMORY * difference + spike - target[t]
        trace_d = MEMORY * trace_d + spike_d
        gradient += 2.0 * difference * trace_d
        current = SYNAPSE * current + arrivals[t] @ w
        current_d = SYNAPSE * current_d + arrivals[t]
        v, v_d = MEMBRANE * v + current - spike, MEMBRANE * v_d + current_d - spike_d
    return gradient / len(arrivals)


def protocol(dt, length, onset, differences):
    """The current that makes the soma fire, and synapses that open at these times after it."""
    t = dt * np.arange(round(length / dt))
    drive = np.where((t >= onset - 0.5 * dt) & (t < onset + 1.0 - 0.5 * dt), 40.0, 0.0)
    since = t[:, None] - onset - differences
    kernel = np.where(since >= 0.0, np.exp(-np.maximum(since, 0.0) / 2.0), 0.0)
    return t, (kernel, drive, dt, round(onset / dt), round((onset + 2.5) / dt))


def draw(path, times, change, target, t, potentials, onset, differences, window):
    """Save what the first neuron learned, the spike that spreads back, and the window."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    axes[0].bar(times - target, change, width=1.0)
    axes[0].set(xlabel="input - wanted spike (ms)", ylabel="change of the weight, after learning")
    axes[0].set_title("neuron with a threshold", fontsize=10)
    axes[1].plot(t - onset, potentials, label=["soma", "dendrite"])
    axes[1].set(xlabel="time since the current (ms)", ylabel="potential (mV)", xlim=(-10, 30))
    axes[1].set_title("Hodgkin-Huxley soma, passive dendrite", fontsize=10)
    axes[1].legend(frameon=False, fontsize=8)
    axes[2].fill_between(differences, window, where=window > 0, alpha=0.4, label="strengthened")
    axes[2].fill_between(differences, window, where=window < 0, alpha=0.4, label="weakened")
    axes[2].plot(differences, window, "k", linewidth=1)
    axes[2].set(xlabel="input - spike (ms)", ylabel="gradient by the synapse's weight (cm2/mS)")
    axes[2].set_title("window of the Hodgkin-Huxley neuron", fontsize=10)
    axes[2].legend(frameon=False, fontsize=8)
    for axis in (axes[0], axes[2]):
        axis.axvline(0.0, color="0.5", linewidth=0.8)
        axis.axhline(0.0, color="0.5", linewidth=0.8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    arrivals, times = inputs(90, 100)
    w, target = np.full(90, 0.0302), np.eye(100)[50]
    error = np.abs(distance_gradient(w, arrivals, target)[1] - by_hand(w, arrivals, target)).max()
    after, values = learn(w, arrivals, target, 0.003, 20)
    first, last = (np.flatnonzero(spike_train(weights, arrivals)) for weights in (w, after))
    change = after - w
    print(f"neuron with a threshold: fires at {first} ms, wanted [50]")
    print(f"surrogate gradient - sensitivities by hand: {error:.0e}")
    print(f"weights raised: all before {times[change > 0].max() + 1} ms, lowered: all later")
    print(f"after learning: fires at {last} ms, distance {values[-1]:.1e}")

    differences, onset = np.arange(-50.0, 50.5, 1.0), 60.0
    t, rest = protocol(0.025, 120.0, onset, differences)
    silent, potentials = np.zeros(len(differences)), np.zeros((len(t), 2))
    log_likelihood(silent, *rest, potentials)
    window = window_of(silent, *rest, potentials)
    for k in (30, 40, 45, 51, 53, 60):
        print(f"input {differences[k]:5.0f} ms after the spike: gradient {window[k]:+.3f}")
    path = Path(__file__).parent / "pictures" / "spiking_neurons.png"
    draw(path, times, change, 50, t, potentials, onset, differences, window)


if __name__ == "__main__":
    main()
