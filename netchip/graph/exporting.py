"""An exported program of a network, made on a copy: the user's model and the random state stay as they are."""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.utils import _pytree as pytree

from netchip.errors import GraphError, first_line
from netchip.graph.placing import placed
from netchip.graph.random_state import same_random_state
from netchip.graph.wrappers import unwrapped, wrapper_name

Example = torch.Tensor | tuple[Any, ...] | Mapping[str, Any]
"""One example input: a tensor, the positional arguments as a tuple, or the keyword arguments as a dict."""

_SHARDED = ("FullyShardedDataParallel", "FSDPModule")
_VALUES_NEEDED = ("data-dependent", "data dependent", "datadependent", "unbacked")


def export(model: nn.Module, example: Example) -> tuple[nn.Module, torch.export.ExportedProgram]:
    """The copy (eval mode, wrappers taken off) that was exported, and its program.

    torch.export runs non-strict first, strict where that fails. Raises `GraphError` that names the layer and what to do
    when the model cannot be copied, does not run on `example`, or takes paths that depend on the values of its input.
    """
    copied = isolated_copy(model)
    args, kwargs = arguments(placed(example, copied))
    with same_random_state():
        try:
            return copied, _exported(copied, args, kwargs)
        except Exception as error:
            raise GraphError(_refusal(model, error)) from error


def isolated_copy(model: nn.Module) -> nn.Module:
    """A copy in eval mode, wrappers (DDP, torch.compile) taken off at every depth; it shares only the tensors' storage.

    Raises `GraphError` for a scripted, sharded or uninitialised model, and where a layer cannot be copied.
    """
    inner = unwrapped(model)
    _refuse_unsupported(inner, model)
    try:
        copied = copy.deepcopy(inner, _shared_storage(inner))
    except Exception as error:
        raise GraphError(
            f"{_label(inner, _uncopyable(inner))} cannot be copied ({first_line(error).rstrip('.')}), and capture works on a "
            "copy; keep what cannot be copied (open files, locks, generators) out of the module"
        ) from error
    for parent in copied.modules():
        for name, child in parent._modules.items():
            if child is not None and wrapper_name(child) is not None:
                parent._modules[name] = unwrapped(child)
    return copied.eval()


def arguments(example: Example) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments of one call; raises `GraphError` for an example of another kind, or an empty one."""
    if isinstance(example, torch.Tensor):
        args, kwargs = (example,), {}
    elif isinstance(example, tuple):
        args, kwargs = example, {}
    elif isinstance(example, Mapping):
        args, kwargs = (), dict(example)
    else:
        raise GraphError(
            f"example is a {type(example).__name__}; give a tensor, a tuple of positional arguments "
            "or a dict of keyword arguments"
        )
    return pytree.tree_map_only(torch.Tensor, _plain_tensor, (args, kwargs))


def _plain_tensor(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.numel() == 0:
        raise GraphError(
            f"example holds an empty tensor of shape {tuple(tensor.shape)}; give at least one item of every size"
        )
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def _refuse_unsupported(inner: nn.Module, model: nn.Module) -> None:
    if not isinstance(model, nn.Module):
        raise GraphError(f"model is a {type(model).__name__}; capture needs a torch.nn.Module")
    for name, module in model.named_modules():
        if wrapper_name(module) in _SHARDED:
            raise GraphError(f"{_label(model, name)} is sharded by FSDP; capture the network before it is wrapped")
    for name, module in inner.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise GraphError(
                f"{_label(inner, name)} is TorchScript, which has no Python layers left; capture what it was made from"
            )
        for kind, tensor in (*module._parameters.items(), *module._buffers.items()):
            if isinstance(tensor, (UninitializedBuffer, UninitializedParameter)):
                raise GraphError(
                    f"{_label(inner, name)} has no {kind} yet (a lazy layer); "
                    "run the model once on an example before capture"
                )


def _shared_storage(model: nn.Module) -> dict[int, Any]:
    """A deepcopy memo: every tensor of the model as a new object over the same storage, so that no data is copied.

    Tracing runs on fake tensors, so nothing is ever written there. Computed attributes, which torch refuses to copy,
    pass too.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        own = (*module._parameters.values(), *module._buffers.values(), *vars(module).values())
        for tensor in own:
            if isinstance(tensor, torch.Tensor) and id(tensor) not in memo:
                memo[id(tensor)] = _same_storage(tensor)
    return memo


def _same_storage(tensor: torch.Tensor) -> torch.Tensor:
    fresh = tensor.detach()
    if isinstance(tensor, nn.Parameter):
        fresh = nn.Parameter(fresh, requires_grad=tensor.requires_grad)
        for name, value in vars(tensor).items():
            setattr(fresh, name, value)
    return fresh


def _uncopyable(module: nn.Module, path: str = "") -> str:
    """The path of the deepest submodule that cannot be copied."""
    for name, child in module.named_children():
        try:
            copy.deepcopy(child, _shared_storage(child))
        except Exception:  # noqa: BLE001 - see isolated_copy
            return _uncopyable(child, f"{path}.{name}" if path else name)
    return path


def _exported(copied: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.export.ExportedProgram:
    entered: list[str] = []
    with quiet(), unfused_attention(), torch.no_grad():
        try:
            with _noting_layers(copied, entered):
                return torch.export.export(copied, args, kwargs, strict=False)
        except Exception as error:
            with contextlib.suppress(Exception):
                return torch.export.export(copied, args, kwargs, strict=True)
            error.add_note(entered[-1] if entered else "")
            raise


@contextlib.contextmanager
def _noting_layers(model: nn.Module, entered: list[str]) -> Iterator[None]:
    """Keeps in `entered` the names of the modules that run; after a failure the last one is where it happened."""
    handles = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(_entering(entered, name)))
        handles.append(module.register_forward_hook(_leaving(entered)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _entering(entered: list[str], name: str) -> Callable[..., None]:
    return lambda _module, _args: entered.append(name)


def _leaving(entered: list[str]) -> Callable[..., None]:
    def leave(_module: nn.Module, _args: Any, _output: Any) -> None:
        entered.pop()

    return leave


def _refusal(model: nn.Module, error: Exception) -> str:
    where = _label(unwrapped(model), getattr(error, "__notes__", [""])[-1])
    told = f"{type(error).__name__} {error}".lower()
    if any(word in told for word in _VALUES_NEEDED):
        return (
            f"{where} takes a path that depends on the values of its input ({first_line(error).rstrip('.')}); torch.export "
            "follows one path for all inputs: use torch.where or torch.cond there, or capture the parts on either side"
        )
    return (
        f"{where} cannot be traced on this example ({type(error).__name__}: {first_line(error).rstrip('.')}); see that "
        "model(example) runs in eval mode, and keep what is no tensor operation out of forward"
    )


def _label(model: nn.Module, path: str) -> str:
    module = dict(model.named_modules(remove_duplicate=False)).get(path)
    kind = "module" if module is None else type(module).__name__
    return f"{path!r} ({kind})" if path else f"the model ({kind})"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """torch.export warns of what cannot harm a copy, and prints whole graphs when it fails; neither is for the user."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def unfused_attention() -> Iterator[None]:
    """nn.MultiheadAttention takes its readable path: the fused one is a single operator that hides its projections."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
