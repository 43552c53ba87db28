"""The interface of models."""

from collections.abc import Callable, Collection
from typing import Any, Final

import torch
from torch import Tensor, nn

from trainer.models.products import ProductModule

Memory = tuple[Tensor, ...]
Compute = Callable[..., tuple[Tensor, Any]]

# Weights that hold several matrices, one below the other.
STACKED: Final = {"queries_keys_values": 3, "gate_inner": 2, "input_weight": 4, "hidden_weight": 4}
MOST_GRAPHS: Final = 64  # shapes of a run: lengths, training or not, and parts of batches after running out of memory


class LanguageModel(ProductModule):
    """A module that returns the loss of a segment and the memory for the next segment.

    Attributes:
        memory_length: number of earlier tokens whose states are carried; may change between calls.
        generator: the source of dropout's randomness, on the device of the weights.
        embedding: [words, d_model], which is also the softmax's weight.
        num_input_words: number of words at the end of the embedding that can be read but not predicted.
        graph_reuses_outputs: whether the compiled graph's next call writes over what its last one returned, gradients
            included, as CUDA graphs do.
    """

    memory_length: int
    generator: torch.Generator
    embedding: nn.Parameter
    num_input_words: int = 0
    graph_reuses_outputs: bool = False
    _graph: Compute | None = None
    _graph_lengths: Collection[int] = ()

    def forward(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the mean loss in nats per token, a scalar, and the memory.

        Args:
            inputs, targets: int64 [batch, time].
            memory: the memory that the call for the previous segment returned; None at first.
        """
        raise NotImplementedError

    def states(self, inputs: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the last hidden states, [batch, time, d_model], and the memory; only in evaluation."""
        raise NotImplementedError

    def log_probabilities(self, states: Tensor) -> Tensor:
        """Return the log-probabilities of all words after each state, in at least float32.

        Args:
            states: [tokens, d_model].

        Returns:
            [tokens, vocabulary].
        """
        logits = self.linear(states, self.softmax_weight, self._output_bias())
        return torch.log_softmax(logits, -1, dtype=torch.promote_types(logits.dtype, torch.float32))

    def _output_bias(self) -> Tensor | None:
        """Return the softmax's bias, [vocabulary], if it has one."""
        return None

    def _compute(self, *arguments: Any) -> tuple[Tensor, Any]:
        """Compute what `forward` returns, from all that it has drawn and cached."""
        raise NotImplementedError

    def use_graph(
        self, lengths: Collection[int], *, backend: str | Callable[..., Any] = "inductor", reuses_outputs: bool = False
    ) -> None:
        """Compile the model as one graph, for segments of some lengths with a full memory.

        Other calls, such as the first and the last of an epoch, run without it, so that shapes stay static.

        Args:
            reuses_outputs: whether to replay CUDA graphs, whose calls share the memory of their outputs.
        """
        self._graph = torch.compile(  # type: ignore[call-overload]  # which lacks the last two
            self._compute,
            fullgraph=True,
            dynamic=False,
            backend=backend,
            mode="reduce-overhead" if reuses_outputs and backend == "inductor" else None,
            recompile_limit=MOST_GRAPHS,
            isolate_recompiles=True,
        )
        self._graph_lengths = frozenset(lengths)
        self.graph_reuses_outputs = reuses_outputs

    def computed(
        self, inputs: Tensor, targets: Tensor, memory: Memory | None, *prepared: Any
    ) -> tuple[Tensor, Memory | None]:
        """Return the loss and the memory, by the compiled graph if it serves the call.

        Args:
            prepared: all that the call has drawn and cached.
        """
        graph = self.graph_for(inputs, memory)
        if graph is None:
            return self._compute(inputs, targets, memory, *prepared)
        if not self.graph_reuses_outputs:
            return graph(inputs, targets, memory, *prepared)
        if inputs.is_cuda:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # torch's own
        loss, carried = graph(inputs, targets, memory, *prepared)
        return loss, None if carried is None else tuple(each.clone() for each in carried)

    def graph_for(self, inputs: Tensor, memory: Memory | None) -> Compute | None:
        """Return the compiled graph if it serves a call."""
        carried = 0 if memory is None else self.memory_tokens(memory)
        full = carried == self.memory_length
        return self._graph if full and inputs.shape[1] in self._graph_lengths else None

    def memory_tokens(self, memory: Memory) -> int:
        """Return for how many tokens a memory holds their states."""
        return memory[0].shape[1]

    @property
    def softmax_weight(self) -> Tensor:
        """The rows of the embedding that the softmax shares, [vocabulary, d_model]."""
        return self.embedding[: -self.num_input_words] if self.num_input_words else self.embedding

    def hidden_matrices(self) -> dict[str, int]:
        """Return the names of the weights of linear maps in the layers, and how many matrices each holds."""
        return {
            name: STACKED.get(name.removesuffix(".weight").rsplit(".", 1)[-1], 1)
            for name, parameter in self.named_parameters()
            if name.startswith("layers.") and parameter.dim() == 2
        }

    def add_input_word(self) -> None:
        """Append a row to the embedding that the softmax does not share; call this before `initialize`."""
        words, width = self.embedding.shape
        self.embedding = nn.Parameter(self.embedding.new_empty(words + 1, width))
        self.num_input_words += 1

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights."""
        raise NotImplementedError
