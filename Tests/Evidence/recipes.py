"""Random cells as NAS-Bench-NLP draws them (Klyuchnikov et al. 2020, arXiv:2006.07116, section 3)."""
from __future__ import annotations

import random
from typing import Any

Recipe = dict[str, dict[str, Any]]
ACTIVATIONS = ("activation_tanh", "activation_sigm", "activation_leaky_relu")


def recipe(seed: int) -> Recipe:
    """A recipe: one to three states, and 7, 14 or 21 nodes more than states, without those unused.

    Half of the nodes are linear, with two inputs or, one time in five, three, and each is followed by an
    activation; the others blend, multiply or add. Drawn again until it reads x and every state.
    """
    draw = random.Random(seed)
    while True:
        states = draw.randint(1, 3)
        previous = [f"h_prev_{index}" for index in range(states)]
        nodes: Recipe = {}
        linear_inputs = ["x", *previous]
        inputs = list(previous)
        for number in range(draw.choice((7, 14, 21))):
            kind = draw.choice(("linear", "linear", "linear", "blend", "elementwise_prod",
                                "elementwise_sum"))
            if kind == "linear":
                count = min(3 if draw.random() < 0.2 else 2, len(linear_inputs))
                nodes[f"l{number}"] = {"op": "linear", "input": draw.sample(linear_inputs, count)}
                nodes[f"n{number}"] = {"op": draw.choice(ACTIVATIONS), "input": [f"l{number}"]}
                linear_inputs.append(f"n{number}")
            else:
                count = 3 if kind == "blend" else 2
                if len(inputs) < count:
                    continue
                nodes[f"n{number}"] = {"op": kind, "input": draw.sample(inputs, count)}
            inputs.append(f"n{number}")
        made = [name for name in inputs if name.startswith("n")]
        if len(made) < states:
            continue
        for index, name in enumerate(draw.sample(made, states)):
            nodes[f"h_new_{index}"] = nodes.pop(name)
            for node in nodes.values():
                node["input"] = [f"h_new_{index}" if each == name else each
                                 for each in node["input"]]
        used: set[str] = set()
        todo = [f"h_new_{index}" for index in range(states)]
        while todo:
            name = todo.pop()
            if name not in used:
                used.add(name)
                todo += nodes[name]["input"] if name in nodes else []
        if {"x", *previous} <= used:
            return {name: node for name, node in nodes.items() if name in used}
