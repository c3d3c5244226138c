"""Does bf16 pay on this CPU, with this model? Measured, in about the time of a few small steps.

A CPU without bf16 instructions emulates them, up to a hundred times slower than fp32, so a whole step in bf16 is
tried only after the operation that dominates the model has shown itself no slower in bf16 on its own.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toprung.data.malloc import raise_malloc_thresholds
from toprung.models.catalogue import is_convolutional

# bf16 keeps 8 bits of a number's precision; on a CPU it must be clearly faster to be worth that.
WORTHWHILE = 1.3
# bf16 gains with the number of pictures, so a light model is measured on up to this many, a heavy one on one or two.
PICTURES = 8
# Seconds that a step may take for that.
STEP_SECONDS = 0.2
# Seconds after which the trial of whole steps is given up, on a busy machine or with a huge model, and the gain of one
# operation that then decides for bf16.
PATIENCE = 4.0
CLEAR = 2.0


def choose_cpu_precision(model: nn.Module, input_size: tuple[int, int], *, channels_last: bool) -> tuple[str, str]:
    """Return ``bf16`` or ``fp32`` and the reason in words.

    Args:
        model: on the CPU; it is left as it was.
        input_size: height and width in pixels.
        channels_last: whether pictures will lie as NHWC in memory.
    """
    raise_malloc_thresholds()  # as in training: without it large batches wait for memory, the more in fp32
    kind = "convolution" if is_convolutional(model) else "matrix product"
    gain = operation_gain(kind)
    if gain < 1:
        return "fp32", f"a {kind} in bf16 measured at {gain:.2g} × the speed of fp32 on this CPU"
    try:
        whole = step_gain(model, input_size, channels_last=channels_last)
    except NotImplementedError as error:
        return "fp32", f"this model does not train in bf16 on a CPU: {error}"
    except TimeoutError:
        precision = "bf16" if gain >= CLEAR else "fp32"
        return precision, f"a {kind} in bf16 measured at {gain:.2g} × the speed of fp32, a whole step takes long here"
    if whole >= WORTHWHILE:
        return "bf16", f"measured {whole:.1f} × as fast as fp32 on this CPU"
    return "fp32", f"bf16 measured at {whole:.2g} × the speed of fp32 on this CPU"


def operation_gain(kind: str) -> float:
    """Return how many times as fast as in fp32 one operation runs in bf16, from a few milliseconds of it.

    Args:
        kind: ``convolution`` (3 × 3, 64 channels) or ``matrix product`` (128 × 256 × 256).
    """
    shapes = ((1, 64, 28, 28), (64, 64, 3, 3)) if kind == "convolution" else ((128, 256), (256, 256))
    operation: Callable[[Tensor, Tensor], Tensor] = F.conv2d if kind == "convolution" else F.linear
    full = tuple(torch.ones(shape) for shape in shapes)
    half = tuple(tensor.bfloat16() for tensor in full)

    def pair() -> tuple[float, float]:
        return _timed(lambda: operation(*full)), _timed(lambda: operation(*half))

    with torch.inference_mode():
        return _gain(pair, rounds=60, seconds=1.0)


def step_gain(model: nn.Module, input_size: tuple[int, int], *, channels_last: bool) -> float:
    """Return how many times as fast as in fp32 a forward and backward pass runs under bf16 autocast.

    A warm-up in bf16, then one step each in turn; the least gain of all rounds counts, so that another process
    that slows one fp32 step does not decide for bf16. Arguments as :func:`choose_cpu_precision`.

    Raises:
        NotImplementedError: an operation of the model does not exist in bf16.
        TimeoutError: the steps took too long to go on.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    # On a copy that shares the weights' memory but not their gradients and layout; buffers and modes are its own.
    shared = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in model.parameters()}
    trial = copy.deepcopy(model, shared).train().to(memory_format=layout)
    _limit(trial, PATIENCE)
    with torch.random.fork_rng(devices=[]):
        images = torch.randn(PICTURES, 3, *input_size).contiguous(memory_format=layout)
        images = images[: _affordable_pictures(trial, images)]

        def pair() -> tuple[float, float]:
            full = _timed(lambda: _step(trial, images, torch.float32))
            return full, _timed(lambda: _step(trial, images, torch.bfloat16))

        return min(full / half for full, half in _rounds(pair, rounds=3, seconds=0.7))


def _gain(pair: Callable[[], tuple[float, float]], *, rounds: int, seconds: float) -> float:
    """Return the ratio of the best times of a pair over some rounds.

    The best of many is the time that no other process disturbed; alternating treats both alike.
    """
    full, half = map(min, zip(*_rounds(pair, rounds=rounds, seconds=seconds), strict=True))
    return full / half


def _rounds(pair: Callable[[], tuple[float, float]], *, rounds: int, seconds: float) -> list[tuple[float, float]]:
    """Return the times of some rounds, two at least; none but those is begun after ``seconds``."""
    times: list[tuple[float, float]] = []
    began = time.perf_counter()
    while len(times) < 2 or (len(times) < rounds and time.perf_counter() - began < seconds):
        times.append(pair())
    return times


def _affordable_pictures(model: nn.Module, images: Tensor) -> int:
    """Return how many pictures a step can take in the time allowed, after a warm-up with as few as possible."""
    # BatchNorm cannot train on a single picture.
    least = 2 if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()) else 1
    try:
        _step(model, images[:least], torch.bfloat16)
    except RuntimeError as error:
        raise NotImplementedError(str(error).splitlines()[0]) from error
    per_picture = _timed(lambda: _step(model, images[:least], torch.bfloat16)) / least
    return max(least, min(len(images), int(STEP_SECONDS / per_picture)))


def _limit(model: nn.Module, seconds: float) -> None:
    """Make the model's forward and backward passes raise a TimeoutError from so many seconds on."""
    end = time.perf_counter() + seconds

    def look(*_: object) -> None:
        if time.perf_counter() > end:
            raise TimeoutError

    for module in model.modules():
        module.register_forward_pre_hook(look)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(look)


def _step(model: nn.Module, images: Tensor, dtype: torch.dtype) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = model(images).flatten(0, -2)  # multi-sample dropout answers several times
    F.cross_entropy(logits.float(), torch.zeros(len(logits), dtype=torch.long)).backward()


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
