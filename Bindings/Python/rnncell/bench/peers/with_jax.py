"""JAX: `lax.scan` under `jit`."""
from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy

from ..program import Program
from ..timing import Case, Contender


def _layernorm(a: Any) -> Any:
    mean = a.mean(-1, keepdims=True)
    return (a - mean) * jax.lax.rsqrt(a.var(-1, keepdims=True) + 1e-5)


def _split(a: Any, sizes: list[int]) -> list[Any]:
    return jnp.split(a, numpy.cumsum(sizes)[:-1].tolist(), axis=-1)


LIBRARY = SimpleNamespace(
    matmul=jnp.matmul, split=_split, add=jnp.add, subtract=jnp.subtract, multiply=jnp.multiply,
    divide=jnp.divide, negate=jnp.negative, square=jnp.square, sqrt=jnp.sqrt, abs=jnp.abs,
    max=jnp.maximum, min=jnp.minimum, sigmoid=jax.nn.sigmoid, tanh=jnp.tanh, relu=jax.nn.relu,
    leaky_relu=jax.nn.leaky_relu, identity=lambda a: a, softplus=jax.nn.softplus,
    silu=jax.nn.silu, gelu=jax.nn.gelu, elu=jax.nn.elu, selu=jax.nn.selu,
    softsign=jax.nn.soft_sign, hard_sigmoid=jax.nn.hard_sigmoid, hard_tanh=jax.nn.hard_tanh,
    exp=jnp.exp, log=jnp.log, sin=jnp.sin, cos=jnp.cos,
    blend=lambda g, a, b: g * a + (1 - g) * b,
    mean=lambda *a: sum(a[1:], a[0]) / len(a), layernorm=_layernorm)


def scan(program: Program, weights: Any, x: Any, states: Any, *, outside: bool, unroll: int) -> Any:
    """The outputs and last states of a layer over x [steps, batch, input].

    outside: the products with x are done for all steps at once, before the loop.
    """
    hoists = outside and 0 in program.splits

    def step(states: Any, now: Any) -> Any:
        states = program.run(LIBRARY, weights, now[0], states, now[1])
        return states, states[0]

    given = (x, program.product(LIBRARY, weights, x) if hoists else None)
    return jax.lax.scan(step, states, given, unroll=unroll)


def zeros(program: Program, batch: int) -> tuple[Any, ...]:
    """States to start from."""
    return tuple(jnp.zeros((batch, program.hidden_size), jnp.float32) for _ in program.states)


class Jax:
    """The peer."""

    name = "jax"
    version = jax.__version__
    settings = [(True, 1), (False, 1), (True, 5)]
    proposal_settings = ("scan",)

    def _label(self, outside: bool, unroll: int) -> str:
        place = "outside" if outside else "inside"
        return f"jax.lax.scan, products of x {place}" + (f", unroll {unroll}" * (unroll > 1))

    def training(self, case: Case, *, thorough: bool) -> list[Contender]:
        """`value_and_grad` under `jit`; the last gradients are donated to the next."""
        return [self._training(case, *setting) for setting in self.settings[:3 if thorough else 2]]

    def _training(self, case: Case, outside: bool, unroll: int) -> Contender:
        def loss(weights: Any, x: Any, gy: Any) -> Any:
            y = scan(case.program, weights, x, zeros(case.program, case.batch), outside=outside,
                     unroll=unroll)[1]
            return jnp.vdot(y, gy), y

        def gradients(weights: Any, x: Any, gy: Any, last: Any) -> Any:
            return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(weights, x, gy)

        compiled = jax.jit(gradients, donate_argnums=3, keep_unused=True)
        weights = {name: jnp.asarray(value) for name, value in case.weights.items()}
        x, gy = jnp.asarray(case.x), jnp.asarray(case.gy)
        last = [jax.tree.map(jnp.zeros_like, (weights, x))]

        def run() -> Any:
            (_, y), last[0] = jax.block_until_ready(compiled(weights, x, gy, last[0]))
            return y, last[0]

        def result() -> dict[str, Any]:
            y, (gradients, gx) = run()
            return {"y": y, "x": gx, **gradients}

        return Contender(self._label(outside, unroll), run, result)

    def inference(self, case: Case) -> list[Contender]:
        """A compiled scan."""
        return [self._inference(case, *setting) for setting in self.settings]

    def _inference(self, case: Case, outside: bool, unroll: int) -> Contender:
        @jax.jit
        def forward(weights: Any, x: Any) -> Any:
            return scan(case.program, weights, x, zeros(case.program, case.batch),
                        outside=outside, unroll=unroll)[1]

        weights = {name: jnp.asarray(value) for name, value in case.weights.items()}
        x = jnp.asarray(case.x)

        def run() -> Any:
            return jax.block_until_ready(forward(weights, x))

        return Contender(self._label(outside, unroll), run, lambda: {"y": run()})

    def step(self, case: Case) -> list[Contender]:
        """A compiled step, its state donated."""
        step = jax.jit(lambda weights, x, states: case.program.run(LIBRARY, weights, x, states),
                       donate_argnums=2)
        weights = {name: jnp.asarray(value) for name, value in case.weights.items()}
        states = [zeros(case.program, case.batch)]

        def run() -> Any:
            states[0] = jax.block_until_ready(step(weights, case.x[0], states[0]))

        def result() -> dict[str, Any]:
            return {"y": step(weights, case.x[0], zeros(case.program, case.batch))[0]}

        return [Contender("jax.jit of a step", run, result)]

    def first_output(self, case: Case) -> float:
        """Tracing, compiling and running."""
        start = time.perf_counter()
        program = Program(case.cell, case.hidden, case.hidden)
        weights = {name: jnp.asarray(value) for name, value in case.weights.items()}
        run = jax.jit(lambda weights, x: scan(
            program, weights, x, zeros(program, case.batch), outside=True, unroll=1)[1])
        jax.block_until_ready(run(weights, jnp.asarray(case.x)))
        return time.perf_counter() - start

    def language_model(self, setting: Any, weights: Any, tokens: Any) -> Contender:
        """SGD with clipping; weights and states are donated."""
        def loss(weights: Any, states: Any, part: Any) -> Any:
            y, ends = weights["embedding"][part[:-1]], []
            for layer, (program, state) in enumerate(zip(setting.programs, states)):
                end, y = scan(program, weights["layers"][layer], y, state, outside=True, unroll=1)
                ends.append(end)
            logits = y @ weights["softmax"].T + weights["bias"]
            picked = jnp.take_along_axis(logits, part[1:, :, None], -1)[..., 0]
            return (jax.nn.logsumexp(logits, -1) - picked).sum() / setting.batch, ends

        def update(weights: Any, states: Any, part: Any) -> Any:
            (value, ends), gradients = jax.value_and_grad(loss, has_aux=True)(weights, states, part)
            norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradients)))
            rate = setting.rate * jnp.minimum(1.0, setting.clip / norm)
            return jax.tree.map(lambda w, g: w - rate * g, weights, gradients), ends, value

        compiled = jax.jit(update, donate_argnums=(0, 1))
        start = jax.tree.map(jnp.asarray, weights)
        held = [jax.tree.map(jnp.copy, start)]
        parts = [jnp.asarray(part) for part in setting.parts(tokens)]

        def once(values: Any) -> tuple[Any, float]:
            states: Any = [zeros(program, setting.batch) for program in setting.programs]
            total = 0.0
            for part in parts:
                values, states, value = compiled(values, states, part)
                total += float(value)
            return values, total / len(parts) / setting.steps

        def run() -> None:
            held[0], _ = once(held[0])

        def result() -> dict[str, Any]:
            return {"loss": once(jax.tree.map(jnp.copy, start))[1]}

        return Contender("jax.lax.scan", run, result)


    def proposal(self, rung: Any, program: Program, weights: Any, setting: str) -> float:
        """Adam with clipping, all that an update changes donated, and no wait between updates."""
        def outputs(weights: Any, states: Any, words: Any) -> tuple[Any, Any]:
            ends, y = scan(program, weights["layer"], weights["embedding"][words], states,
                           outside=True, unroll=1)
            return ends, y @ weights["softmax"].T + weights["bias"]

        def losses(logits: Any, words: Any) -> Any:
            picked = jnp.take_along_axis(logits, words[..., None], -1)[..., 0]
            return jax.nn.logsumexp(logits, -1) - picked

        def loss(weights: Any, states: Any, part: Any) -> Any:
            ends, logits = outputs(weights, states, part[:-1])
            return losses(logits, part[1:]).mean(), ends

        def update(held: Any, states: Any, part: Any, number: Any) -> Any:
            weights, first, second = held
            gradients, ends = jax.grad(loss, has_aux=True)(weights, states, part)
            norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradients)))
            scale = jnp.minimum(1.0, rung.clip / norm)
            gradients = jax.tree.map(lambda g: g * scale, gradients)
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
            weights = jax.tree.map(
                lambda w, m, v: w - rung.rate * (m / (1 - 0.9 ** number)) / (
                    jnp.sqrt(v / (1 - 0.999 ** number)) + 1e-8), weights, first, second)
            return (weights, first, second), ends

        def score(weights: Any, pieces: Any, counted: Any) -> Any:
            _, logits = outputs(weights, zeros(program, rung.batch), pieces[:-1])
            return (losses(logits, pieces[1:]) * counted).sum() / counted.sum()

        compiled = jax.jit(update, donate_argnums=(0, 1))
        start = jax.tree.map(jnp.asarray, weights)
        held: Any = (start, *(jax.tree.map(jnp.zeros_like, start) for _ in range(2)))
        states: Any = zeros(program, rung.batch)
        for number, part in enumerate(rung.segments, 1):
            held, states = compiled(held, states, part, float(number))
        return float(jax.jit(score)(held[0], rung.pieces, rung.counted))


def open_peer(threads: int) -> Jax:
    """The peer; its threads are set by XLA_FLAGS before it is imported."""
    return Jax()
