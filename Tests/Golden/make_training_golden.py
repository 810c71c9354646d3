"""Makes torch/train_*.txt: what torch makes of a small language model in some updates.

`make golden` runs it. Embedding, two layers of LSTM and a softmax layer learn from a text of letters by
truncated backpropagation: the text in B parallel streams, the state carried from segment to segment and
zero where an epoch starts, the norm of the whole gradient clipped, the learning rate halved after the
first epoch. Everything is computed in float64. torch's second bias stays at zero, as it has no
counterpart. A file has the text, the weights before ("start.") and after ("end."), and the loss of each update in
nats per token. Some gradients are longer than the bound, some are not.
"""
import collections
import torch
from make_torch_golden import FOLDER, sample, write

BATCH, STEPS, UPDATES, EMBEDDING, HIDDEN = 3, 4, 11, 5, 6
# reduction, optimizer, learning rate, largest norm
CASES = {
    "sgd": ("sum", torch.optim.SGD, 0.5, 1.5),
    "adam": ("mean", torch.optim.Adam, 0.01, 0.4),
}


class Model(torch.nn.Module):
    def __init__(self, words):
        super().__init__()
        self.embedding = torch.nn.Embedding(words, EMBEDDING)
        self.rnn = torch.nn.LSTM(EMBEDDING, HIDDEN, 2)
        self.output = torch.nn.Linear(HIDDEN, words)


def make(name, seed, reduction, optimizer, rate, clip):
    generator = torch.Generator().manual_seed(seed)
    letters = torch.randint(0, 25, (90,), generator=generator).sqrt().long().tolist()
    # The most frequent letter first, then by the alphabet; behind them the unknown one.
    order = sorted(collections.Counter(letters).items(), key=lambda item: (-item[1], item[0]))
    ids = {letter: index for index, (letter, _) in enumerate(order)}
    text = torch.tensor([ids[letter] for letter in letters])
    model = Model(len(ids) + 1).double()
    for key, parameter in model.named_parameters():
        parameter.data = sample(generator, parameter.shape, 0.5)
        if "bias_hh" in key:
            parameter.data.zero_()
            parameter.requires_grad_(False)
    learned = [p for p in model.parameters() if p.requires_grad]
    learn = optimizer(learned, lr=rate)
    length = len(text) // BATCH
    streams = text[: length * BATCH].reshape(BATCH, length).T
    segments = (length - 1) // STEPS
    start = {key: value.clone() for key, value in model.state_dict().items()}
    losses, norms = [], []
    for update in range(UPDATES):
        segment = update % segments
        if segment == 0:
            state = None
        for group in learn.param_groups:
            group["lr"] = rate * 0.5 ** (update // segments)
        at = segment * STEPS
        hidden, state = model.rnn(model.embedding(streams[at : at + STEPS]), state)
        state = tuple(part.detach() for part in state)
        loss = torch.nn.functional.cross_entropy(
            model.output(hidden).flatten(0, 1), streams[at + 1 : at + STEPS + 1].flatten())
        learn.zero_grad()
        (loss * STEPS if reduction == "sum" else loss).backward()
        norm = torch.sqrt(sum((p.grad ** 2).sum() for p in learned))
        for parameter in learned:
            parameter.grad *= min(1.0, clip / norm.item())
        learn.step()
        losses.append(loss.item())
        norms.append(norm.item())
    assert segments < UPDATES < 2 * segments and min(norms) < clip < max(norms), (segments, norms)
    with open(FOLDER / f"train_{name}.txt", "w") as file:
        write(file, "letters", torch.tensor(letters))
        for key, value in start.items():
            write(file, "start." + key, value)
        for key, value in model.state_dict().items():
            write(file, "end." + key, value)
        write(file, "losses", torch.tensor(losses, dtype=torch.float64))


if __name__ == "__main__":
    for seed, (name, case) in enumerate(CASES.items()):
        make(name, seed + 1, *case)
