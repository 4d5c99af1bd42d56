"""PyTorch's side of the comparison: the character MLP's training step, run and sampling.

Answers each line of its input by one line of output:
  step WAY fit:NxHxV MILLISECONDS  microseconds a step, round prepared minibatches; WAY is one of
      module    nn.Embedding, nn.Linear, nn.BatchNorm1d, nn.Tanh, F.cross_entropy, optim.SGD
      autograd  the step written out in tensor operations, gradients by loss.backward()
      manual    the same with the gradients written by hand
  step WAY draw:NxH MILLISECONDS  the same on names.txt, each minibatch drawn at random in the step
  train manual STEPS  seconds of a loop of manual steps on names.txt, minibatches drawn as the notebook does
  sample COUNT  seconds for that many names from the trained network, one character at a time

As many threads as OMP_NUM_THREADS says, or one.
"""
import os
import random
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))
T, D, MINIBATCHES, LEARNING_RATE = 3, 10, 64, 0.1


class CharMlp:
    """The parameters of one network, and a training step of each way."""

    def __init__(self, n, H, V, generator):
        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        self.C, self.W1, self.b1 = normal(V, D), normal(T * D, H) * (5 / 3) / (T * D) ** 0.5, normal(H) * 0.1
        self.W2, self.b2 = normal(H, V) * 0.1, normal(V) * 0.1
        self.gain, self.bias = 1 + normal(1, H) * 0.1, normal(1, H) * 0.1
        self.parameters = [self.C, self.W1, self.b1, self.W2, self.b2, self.gain, self.bias]
        self.net = nn.Sequential(
            nn.Embedding(V, D), nn.Flatten(), nn.Linear(T * D, H), nn.BatchNorm1d(H), nn.Tanh(), nn.Linear(H, V))
        self.sgd = torch.optim.SGD(self.net.parameters(), lr=LEARNING_RATE)
        self.rows = torch.arange(n)

    def module(self, x, y):
        self.sgd.zero_grad(set_to_none=True)
        F.cross_entropy(self.net(x), y).backward()
        self.sgd.step()

    def forward(self, x):
        embcat = F.embedding(x, self.C).view(x.shape[0], -1)  # [n, T·D]
        hprebn = embcat @ self.W1 + self.b1  # [n, H]
        std_inv = (hprebn.var(0, keepdim=True, unbiased=True) + 1e-5) ** -0.5  # [1, H]
        bnraw = (hprebn - hprebn.mean(0, keepdim=True)) * std_inv  # [n, H]
        h = torch.tanh(self.gain * bnraw + self.bias)  # [n, H]
        return embcat, std_inv, bnraw, h, h @ self.W2 + self.b2

    def autograd(self, x, y):
        loss = F.cross_entropy(self.forward(x)[-1], y)
        for p in self.parameters:
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in self.parameters:
                p -= LEARNING_RATE * p.grad

    @torch.no_grad()
    def manual(self, x, y, learning_rate=LEARNING_RATE):
        n = x.shape[0]
        embcat, std_inv, bnraw, h, logits = self.forward(x)
        dlogits = F.softmax(logits, 1)
        dlogits[self.rows, y] -= 1
        dlogits /= n
        dhpreact = (1 - h * h) * (dlogits @ self.W2.T)
        dbias, dgain = dhpreact.sum(0), (bnraw * dhpreact).sum(0)
        dhprebn = self.gain * std_inv / n * (n * dhpreact - dbias - n / (n - 1) * bnraw * dgain)
        dC = torch.zeros_like(self.C).index_add_(0, x.view(-1), (dhprebn @ self.W1.T).view(-1, D))
        gradients = (dC, embcat.T @ dhprebn, dhprebn.sum(0), h.T @ dlogits, dlogits.sum(0), dgain, dbias)
        for p, gradient in zip(self.parameters, gradients):
            p -= learning_rate * gradient


class Steps:
    """The network and the minibatches of the last task that was asked for."""

    task = None

    def microseconds(self, way, task, milliseconds):
        if self.task != task:
            self.prepare(task)
        for p in self.network.parameters:
            p.requires_grad_(way == 'autograd')
        step, steps = getattr(self.network, way), 0
        start = time.perf_counter()
        end = start + milliseconds / 1e3
        while True:
            step(*self.minibatch(steps))
            steps += 1
            now = time.perf_counter()
            if now >= end:
                return (now - start) * 1e6 / steps

    def prepare(self, task):
        kind, sizes = task.split(':')
        g = torch.Generator().manual_seed(1)
        if kind == 'draw':
            n, H = (int(size) for size in sizes.split('x'))
            names = NamesRun()
            V = names.V
            self.minibatch = lambda step: names.minibatch(n, g)
        else:
            n, H, V = (int(size) for size in sizes.split('x'))
            minibatches = [
                (torch.randint(V, (n, T), generator=g), torch.randint(V, (n,), generator=g))
                for _ in range(MINIBATCHES)]
            self.minibatch = lambda step: minibatches[step % MINIBATCHES]
        self.task, self.network = task, CharMlp(n, H, V, g)


class NamesRun:
    """The notebook's run: 80 % of the shuffled names, n = 32, H = 200."""

    def __init__(self):
        words = open('names.txt', encoding='utf-8').read().splitlines()
        characters = ['.'] + sorted(set(''.join(words)))
        index = {c: i for i, c in enumerate(characters)}
        random.seed(42)
        random.shuffle(words)
        contexts, labels = [], []
        for word in words[:int(0.8 * len(words))]:
            context = [0] * T
            for c in word + '.':
                contexts.append(context)
                labels.append(index[c])
                context = context[1:] + [index[c]]
        self.X, self.Y, self.V = torch.tensor(contexts), torch.tensor(labels), len(characters)

    def minibatch(self, n, g):
        ix = torch.randint(0, self.X.shape[0], (n,), generator=g)
        return self.X[ix], self.Y[ix]

    def train(self, steps, n=32):
        g = torch.Generator().manual_seed(2147483647)
        self.network = CharMlp(n, 200, self.V, g)
        start = time.perf_counter()
        for step in range(steps):
            self.network.manual(*self.minibatch(n, g), 0.1 if step < steps / 2 else 0.01)
        seconds = time.perf_counter() - start
        hprebn = F.embedding(self.X, self.network.C).view(len(self.X), -1) @ self.network.W1 + self.network.b1
        self.mean, self.std_inv = hprebn.mean(0, keepdim=True), (hprebn.var(0, keepdim=True) + 1e-5) ** -0.5
        return seconds

    @torch.no_grad()
    def sample(self, count):
        net, g = self.network, torch.Generator().manual_seed(2147483657)
        start = time.perf_counter()
        for _ in range(count):
            context = [0] * T
            while True:
                embcat = net.C[torch.tensor([context])].view(1, -1)
                bnraw = (embcat @ net.W1 + net.b1 - self.mean) * self.std_inv
                logits = torch.tanh(net.gain * bnraw + net.bias) @ net.W2 + net.b2
                ix = torch.multinomial(F.softmax(logits, 1), 1, generator=g).item()
                context = context[1:] + [ix]
                if ix == 0:
                    break
        return time.perf_counter() - start


steps, run = Steps(), None
for line in sys.stdin:
    request = line.split()
    if request[0] == 'step':
        answer = steps.microseconds(request[1], request[2], int(request[3]))
    elif request[0] == 'train':
        run = NamesRun()
        answer = run.train(int(request[2]))
    elif request[0] == 'sample':
        answer = run.sample(int(request[1]))
    elif request[0] == 'version':
        answer = torch.__version__
    print(answer, flush=True)
