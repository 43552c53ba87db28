"""The sections of a trainer's configuration. Error messages end with the description of their field."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from trainer.config.evaluation import EvaluationConfig
from trainer.config.kinds import existing_options
from trainer.config.optimizer import OptimizerConfig
from trainer.config.section import Count, Rate, Section
from trainer.config.wording import shown

BPE_VOCABULARY_SIZE: Final = 8192


class DataConfig(Section):
    """The training text and how it is read."""

    corpus: Literal["pydocs", "ptb", "wikitext-2", "wikitext-2-replica", "wikitext-103", "folder"] = Field(
        "pydocs",
        description="pydocs needs no files; the others are read from a directory. wikitext-2-replica trains on "
        "WikiText-2's validation file and halves its test file; folder is your own text in data.folder.",
    )
    folder: str | None = Field(
        None,
        description="Directory with train.txt, valid.txt and test.txt; by default $SWEEPER_DATA/CORPUS, "
        "data/CORPUS or ../shared/data/CORPUS, whichever exists.",
    )
    max_train_tokens: Count | None = Field(None, description="Train only on the first N words, e.g. 100000.")
    tokenization: Literal["word", "bpe"] = Field(
        "word",
        description="bpe learns parts of words from the training text; perplexities remain per word, so that the two "
        "are comparable.",
    )
    vocabulary_size: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="Keep the most frequent words of the training text, e.g. 2000; the others become <unk>. With bpe, "
        f"the number of tokens to learn, by default {BPE_VOCABULARY_SIZE}.",
    )
    vocabulary_tokens: Count | None = Field(
        None,
        description="Take the vocabulary from the first N words of the training text, e.g. 100000, so that different "
        "shares of a text have the same vocabulary; by default from all words that are trained on.",
    )
    vocabulary_corpus: Literal["ptb", "wikitext-2"] | None = Field(
        None,
        description="Take the vocabulary from the training text of this corpus, e.g. wikitext-2 for wikitext-103, so "
        "that perplexities are comparable; by default from the corpus itself.",
    )
    batch_size: Count = Field(16, description="Number of streams of text to read in parallel, e.g. 16.")
    micro_batch_size: Count | None = Field(
        None,
        description="Number of streams to read at once, to save memory; gradients add up to those of the whole batch. "
        "By default all of them, and fewer once memory runs out.",
    )
    target_length: Count = Field(32, description="Number of tokens that one step predicts in each stream, e.g. 32.")
    random_target_length: bool = Field(
        False,
        description="Draw the target length of every step, around target_length or rarely half of it, and scale the "
        "learning rate with it.",
    )
    noise: Literal["none", "blank", "unigram", "uniform", "bigram_kneser_ney"] = Field(
        "none",
        description="Replace words of the training text (Xie et al. 2017): blank with a special word, unigram with "
        "words drawn by their frequency, uniform with any words of the vocabulary. bigram_kneser_ney replaces words "
        "with many successors more often, with words that follow many others, and replaces the target too.",
    )
    noise_rate: Rate = Field(
        0.0, description="Probability of replacing a word, from 0 to below 1; the maximum for bigram_kneser_ney."
    )
    random_noise_rate: bool = Field(
        False, description="Draw the rate of every segment of a stream uniformly, from 0 to noise_rate."
    )
    noise_weight: Annotated[float, Field(gt=0.0, le=100.0)] | None = Field(
        None,
        description="Read every segment as it is and again with noise, and minimize the loss plus this weight times "
        "the loss with noise, e.g. 0.4; a step takes twice as long. By default only the noised text is read.",
    )
    target_offsets: Annotated[int, Field(ge=2, le=64)] | None = Field(
        None,
        description="Predict in some streams of a step the 2nd, 3rd, … next word instead of the next, at most the "
        "N-th, e.g. 5. A special word in place of the segment's first says which.",
    )
    row_rotation: bool = Field(
        False, description="Rotate each stream by its own offset in every epoch (partial shuffle, Press 2019)."
    )
    random_start: bool = Field(
        False, description="Start each epoch at a random token of its first segment, so that segment boundaries vary."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.corpus == "folder" and self.folder is None:
            raise ValueError("corpus = folder needs data.folder too, e.g. {corpus: folder, folder: my/texts}.")
        for name in ("vocabulary_tokens", "vocabulary_corpus"):
            if self.tokenization == "bpe" and getattr(self, name) is not None:
                raise ValueError(
                    f"{name} has no effect with tokenization = bpe, which knows all words. Set it to null."
                )
        if self.noise == "none" and self.noise_rate > 0.0:
            raise ValueError(
                f"noise_rate = {self.noise_rate} has no effect with noise = none. "
                "Choose noise: blank, unigram, uniform or bigram_kneser_ney, or set noise_rate to 0."
            )
        for name, off in (("noise_weight", None), ("random_noise_rate", False)):
            value = getattr(self, name)
            if self.noise_rate == 0.0 and value != off:
                raise ValueError(
                    f"{name} = {shown(value)} has no effect with noise_rate = 0. Set noise_rate too, e.g. "
                    f"{{noise: blank, noise_rate: 0.5}}, or set {name} to {shown(off)}."
                )
        return self


class ModelConfig(Section):
    """The architecture and its size."""

    kind: Literal["transformer_xl", "awd_lstm", "gpt2", "gpt3", "modern_gpt"] = Field(
        "transformer_xl", description="Architecture. Options that it lacks must be absent or null."
    )
    layers: Annotated[int, Field(ge=1, le=256)] = Field(2, description="Model depth counts layers, e.g. [2, 4].")
    d_model: Annotated[int, Field(ge=2, multiple_of=2)] = Field(
        64, description="Width of the hidden state, an even number, e.g. 64."
    )
    heads: Count = Field(4, description="Attention heads per layer, e.g. 4.")
    d_head: Count | None = Field(None, description="Width of a head; by default d_model / heads.")
    d_inner: Count | None = Field(
        None,
        description="Width of the feed-forward layer, by default 4 x d_model; for modern_gpt 8/3 x d_model, rounded up "
        "to a multiple of 8; for awd_lstm the width of all layers except the last, by default 3 x d_model.",
    )
    memory_length: Annotated[int, Field(ge=0)] = Field(
        32,
        description="Number of earlier tokens that attention sees, e.g. 32; 0 for none. transformer_xl carries their "
        "hidden states, gpt2, gpt3 and modern_gpt read them again.",
    )
    pre_norm: bool = Field(False, description="Normalize before each block (true) or after it (false).")
    same_length: bool = Field(False, description="Let every token attend to the same number of earlier tokens.")
    clamp_length: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Treat longer distances as this one; null for no limit."
    )
    adaptive_cutoffs: list[Count] = Field(
        default_factory=list,
        description="Frequency ranks where the adaptive softmax starts a new cluster, in ascending order, e.g. "
        "[20000, 40000]; empty for the full softmax.",
    )
    attention_pattern: Literal["band", "strided"] = Field(
        "band",
        description="Attention pattern of every second layer of gpt3: band sees the last attention_width tokens, "
        "strided also every attention_width-th token before them.",
    )
    attention_width: Count | None = Field(
        None, description="Width of gpt3's band and its stride; by default a quarter of the context."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind != "awd_lstm" and self.d_head is None and self.d_model % self.heads:
            raise ValueError(
                f"d_model = {self.d_model} is not divisible by heads = {self.heads}. "
                "Choose another number of heads, or set d_head."
            )
        if self.kind == "modern_gpt" and self.head_width % 2:
            raise ValueError(
                f"heads of width {self.head_width} cannot be rotated: modern_gpt needs an even width. "
                "Choose another number of heads, or set d_head."
            )
        if self.same_length and self.memory_length == 0:
            raise ValueError(
                "same_length = true with memory_length = 0 leaves no token to attend to. Use memory_length: 32, for "
                "instance, or same_length: false."
            )
        if list(self.adaptive_cutoffs) != sorted(set(self.adaptive_cutoffs)):
            raise ValueError(f"adaptive_cutoffs = {self.adaptive_cutoffs} must be ascending, e.g. [20000, 40000].")
        return self

    @property
    def head_width(self) -> int:
        """d_head, or its default."""
        return self.d_head if self.d_head is not None else self.d_model // self.heads

    @property
    def inner_width(self) -> int:
        """d_inner, or its default."""
        if self.d_inner is not None:
            return self.d_inner
        if self.kind == "modern_gpt":  # three matrices instead of two: as many weights as with 4 x d_model
            return -(-self.d_model // 3) * 8
        return (3 if self.kind == "awd_lstm" else 4) * self.d_model


class RegularizationConfig(Section):
    """Dropout probabilities and penalty factors; 0 switches a regularizer off."""

    embedding_dropout: Rate = Field(0.0, description="Probability of dropping a whole word type, from 0 to below 1.")
    input_dropout: Rate = Field(
        0.0, description="Probability of dropping a feature of the embeddings at all times, from 0 to below 1."
    )
    output_dropout: Rate = Field(
        0.0, description="Probability of dropping a feature before the softmax at all times, from 0 to below 1."
    )
    dropout: Rate = Field(
        0.0,
        description="Probability of dropping a feature inside the layers at all times, and an entry of the last "
        "layer's output, from 0 to below 1.",
    )
    attention_dropout: Rate = Field(0.0, description="Probability of dropping an attention weight, from 0 to below 1.")
    stochastic_depth: Rate = Field(
        0.0,
        description="Probability of leaving out the last layer's attention or feed-forward part for a stream; it rises "
        "linearly over the layers. From 0 to below 1.",
    )
    weight_dropout: Rate = Field(
        0.0, description="Probability of dropping a hidden-to-hidden weight of awd_lstm, from 0 to below 1."
    )
    activation_regularization: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="Weight of the mean square of awd_lstm's outputs in the objective, at least 0, e.g. 2."
    )
    temporal_activation_regularization: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="Weight of the mean squared change of awd_lstm's outputs over time, at least 0, e.g. 1."
    )


class CheckpointConfig(Section):
    """When the state of a run is saved, in addition to its end, each evaluation and a signal to stop."""

    every_seconds: Annotated[float, Field(gt=0.0)] = Field(60.0, description="Seconds between checkpoints, above 0.")


class BudgetConfig(Section):
    """How long to train, in one of three units."""

    steps: Count | None = Field(None, description="Number of optimizer steps, e.g. 3000.")
    tokens: Count | None = Field(None, description="Number of training tokens to read, e.g. 1500000.")
    epochs: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="Number of passes over the training text, e.g. 2."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("steps", "tokens", "epochs") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of steps, tokens and epochs, but got {' and '.join(given) or 'none'}.")
        return self


class TrainerConfig(Section):
    """A training run. `seed` fixes initialization, data order and dropout."""

    data: DataConfig = Field(default_factory=DataConfig, description="Training text.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="Architecture and size.")
    regularization: RegularizationConfig = Field(default_factory=RegularizationConfig, description="Regularizers.")
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig, description="Optimizer and schedule.")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig, description="Evaluation.")
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig, description="Checkpoints.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto uses a GPU if there is one.")
    precision: Literal["fp32", "tf32", "mixed", "bf16", "fp16"] = Field(
        "fp32",
        description="mixed multiplies matrices in bf16 and keeps all else in fp32; tf32 multiplies them in TF32 on a "
        "GPU. bf16 and fp16 keep the model's weights in that type too, and only the optimizer's in fp32.",
    )
    compile: Literal[False, True, "cuda_graphs"] = Field(
        False,
        description="Compile the model with torch.compile; needs a GPU. cuda_graphs also replays each step's kernels "
        "from one recording.",
    )
    deterministic: bool = Field(
        False,
        description="Use only operations that give the same result in every run, and end the run where there is none. "
        "Slower on a GPU; on a CPU, runs are the same in any case.",
    )
    threads: Count | None = Field(None, description="Number of CPU threads; null leaves the choice to PyTorch.")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(0, description="Random seed, an integer of at least 0.")
    budget: BudgetConfig | None = Field(None, description="How long to train, e.g. {steps: 3000}.")

    @property
    def context_length(self) -> int:
        """Maximum number of tokens that attention sees in training."""
        return self.data.target_length + self.model.memory_length

    @property
    def evaluation_lengths(self) -> tuple[int, int]:
        """Target and memory length of evaluation."""
        target, memory = self.evaluation.target_length, self.evaluation.memory_length
        return target or self.data.target_length, self.model.memory_length if memory is None else memory

    @model_serializer(mode="wrap")
    def _dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Serialize all sections, without the options that the chosen kinds lack and optional ones that are null."""
        found = existing_options(handler(self))
        if not self.deterministic:
            del found["deterministic"]  # newer than the hashes of configurations in stores
        return found
