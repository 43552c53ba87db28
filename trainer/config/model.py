"""The sections of a trainer's configuration. A field's description ends what its error messages say."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from trainer.config.kinds import existing_options

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
BPE_VOCABULARY_SIZE: Final = 8192


class Section(BaseModel):
    """A part of the configuration: unknown keys are mistakes, and 'four' is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DataConfig(Section):
    """What is trained on, and in which pieces."""

    corpus: Literal["pydocs", "ptb", "wikitext-2", "wikitext-2-replica", "wikitext-103", "folder"] = Field(
        "pydocs",
        description="pydocs needs no files; the others are read from a folder. wikitext-2-replica trains on "
        "WikiText-2's validation file and halves its test file; folder is any text of yours, with data.folder.",
    )
    folder: str | None = Field(
        None,
        description="The folder with train.txt, valid.txt and test.txt; by default $SWEEPER_DATA/CORPUS, "
        "data/CORPUS or ../shared/data/CORPUS, whichever exists.",
    )
    max_train_tokens: Count | None = Field(None, description="Train on the first so many words, e.g. 100000.")
    tokenization: Literal["word", "bpe"] = Field(
        "word",
        description="bpe learns parts of words from the training text; perplexities stay those of words, so that both "
        "compare.",
    )
    vocabulary_size: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="Keep the most frequent words of the training text, e.g. 2000; the others become <unk>. With bpe, "
        f"how many tokens to learn, by default {BPE_VOCABULARY_SIZE}.",
    )
    vocabulary_tokens: Count | None = Field(
        None,
        description="The first so many words of the training text say which words are known, e.g. 100000; by default "
        "all that are trained on. So that shares of one text have one vocabulary.",
    )
    vocabulary_corpus: Literal["ptb", "wikitext-2"] | None = Field(
        None,
        description="The corpus whose training text says which words are known, e.g. wikitext-2 for wikitext-103, so "
        "that perplexities compare; by default the corpus itself.",
    )
    batch_size: Count = Field(16, description="How many streams of text are read side by side, e.g. 16.")
    micro_batch_size: Count | None = Field(
        None,
        description="Streams that are read at a time, to save memory; their gradients add up to the whole batch's. By "
        "default all, and fewer once memory runs out.",
    )
    target_length: Count = Field(32, description="Tokens of each stream that one step predicts, e.g. 32.")
    random_target_length: bool = Field(
        False,
        description="Draw the target length anew for every step, around target_length or seldom half of it, and scale "
        "the learning rate with it.",
    )
    noise: Literal["none", "blank", "unigram", "bigram_kneser_ney"] = Field(
        "none",
        description="Replace words of the training text (Xie et al. 2017): blank by a word of its own, unigram by a "
        "draw of their frequency; bigram_kneser_ney the more, the more successors a word has, by words that follow "
        "many, and the target with it.",
    )
    noise_rate: Rate = Field(
        0.0, description="Probability of replacing a word, from 0 to below 1; for bigram_kneser_ney its largest."
    )
    row_rotation: bool = Field(
        False, description="Turn each stream by an offset of its own in every epoch (partial shuffle, Press 2019)."
    )
    random_start: bool = Field(
        False, description="Start each epoch at a random token below target_length, so that segments begin elsewhere."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.corpus == "folder" and self.folder is None:
            raise ValueError("corpus = folder needs the folder too, e.g. {corpus: folder, folder: my/texts}.")
        for name in ("vocabulary_tokens", "vocabulary_corpus"):
            if self.tokenization == "bpe" and getattr(self, name) is not None:
                raise ValueError(
                    f"{name} has no effect with tokenization = bpe, which knows all words. Set it to null."
                )
        if self.noise == "none" and self.noise_rate > 0.0:
            raise ValueError(
                f"noise_rate = {self.noise_rate} has no effect with noise = none. "
                "Choose noise: blank, unigram or bigram_kneser_ney, or set noise_rate to 0."
            )
        return self


class ModelConfig(Section):
    """The network's shape."""

    kind: Literal["transformer_xl", "awd_lstm", "gpt2", "gpt3"] = Field(
        "transformer_xl", description="The architecture. Options that it lacks must be absent or null."
    )
    layers: Annotated[int, Field(ge=1, le=256)] = Field(2, description="Model depth counts layers, e.g. [2, 4].")
    d_model: Annotated[int, Field(ge=2, multiple_of=2)] = Field(
        64, description="Width of the hidden state, an even number, e.g. 64."
    )
    heads: Count = Field(4, description="Attention heads of a layer, e.g. 4.")
    d_head: Count | None = Field(None, description="Width of a head; by default d_model / heads.")
    d_inner: Count | None = Field(
        None,
        description="Width of the feed-forward layer, by default 4 x d_model; of awd_lstm's layers but the last, by "
        "default 3 x d_model.",
    )
    memory_length: Annotated[int, Field(ge=0)] = Field(
        32,
        description="How many earlier tokens attention sees, e.g. 32; 0 for none. transformer_xl carries their hidden "
        "states, gpt2 and gpt3 read them again.",
    )
    pre_norm: bool = Field(False, description="Normalize before each block (true) or after it (false).")
    same_length: bool = Field(False, description="Let every token attend to equally many earlier ones.")
    clamp_length: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Treat longer distances as this one; null for no limit."
    )
    adaptive_cutoffs: list[Count] = Field(
        default_factory=list,
        description="Frequency ranks where the adaptive softmax starts a new cluster, rising, e.g. "
        "[20000, 40000]; empty for the full softmax.",
    )
    attention_pattern: Literal["band", "strided"] = Field(
        "band",
        description="What every second layer of gpt3 sees: band, the last attention_width tokens; strided, also every "
        "attention_width-th token before.",
    )
    attention_width: Count | None = Field(
        None, description="Width of gpt3's band and its stride; by default a quarter of the context."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind != "awd_lstm" and self.d_head is None and self.d_model % self.heads:
            raise ValueError(
                f"d_model = {self.d_model} is not divisible by heads = {self.heads}. "
                "Choose another number of heads, or give d_head."
            )
        if list(self.adaptive_cutoffs) != sorted(set(self.adaptive_cutoffs)):
            raise ValueError(f"adaptive_cutoffs = {self.adaptive_cutoffs} must rise, e.g. [20000, 40000].")
        return self

    @property
    def head_width(self) -> int:
        """d_head, or its default."""
        return self.d_head if self.d_head is not None else self.d_model // self.heads

    @property
    def inner_width(self) -> int:
        """d_inner, or its default."""
        default = 3 * self.d_model if self.kind == "awd_lstm" else 4 * self.d_model
        return self.d_inner if self.d_inner is not None else default


class RegularizationConfig(Section):
    """Probabilities of dropping, and factors of penalties; 0 switches a regularizer off."""

    embedding_dropout: Rate = Field(0.0, description="Probability of dropping a whole word type, from 0 to below 1.")
    input_dropout: Rate = Field(
        0.0, description="Probability of dropping a feature of the embeddings, the same over time, from 0 to below 1."
    )
    output_dropout: Rate = Field(
        0.0, description="Probability of dropping a feature before the softmax, the same over time, from 0 to below 1."
    )
    dropout: Rate = Field(
        0.0,
        description="Probability of dropping a feature inside the layers, the same over time, and an entry of their "
        "last output, from 0 to below 1.",
    )
    attention_dropout: Rate = Field(0.0, description="Probability of dropping an attention weight, from 0 to below 1.")
    weight_dropout: Rate = Field(
        0.0, description="Probability of dropping a hidden-to-hidden weight of awd_lstm, from 0 to below 1."
    )
    activation_regularization: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="Factor of the mean square of awd_lstm's outputs in the objective, at least 0, e.g. 2."
    )
    temporal_activation_regularization: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="Factor of the mean squared change of awd_lstm's outputs over time, at least 0, e.g. 1."
    )


class OptimizerConfig(Section):
    """How the weights are changed."""

    kind: Literal["adam", "adamw", "sgd", "nt_asgd"] = Field(
        "adam",
        description="adam, sgd and nt_asgd add weight decay to the gradient (L2); adamw decouples it. nt_asgd starts "
        "to average its weights once validation no longer gains.",
    )
    learning_rate: Annotated[float, Field(gt=0.0, le=100.0)] = Field(
        0.002, description="The peak learning rate, above 0, e.g. 3.5e-4; sgd and nt_asgd have no default, e.g. 30."
    )
    weight_decay: Annotated[float, Field(ge=0.0, le=10.0)] = Field(0.0, description="At least 0, e.g. 1.2e-6.")
    beta1: Rate = Field(0.9, description="Decay of the gradient's mean, from 0 to below 1.")
    beta2: Rate = Field(0.999, description="Decay of the gradient's second moment, from 0 to below 1.")
    epsilon: Annotated[float, Field(gt=0.0)] = Field(1e-8, description="Added to the denominator, above 0.")
    nonmonotone_interval: Count = Field(
        5, description="nt_asgd averages once a validation loss is above the best of those so many evaluations ago."
    )
    schedule: Literal["cosine", "constant"] = Field("cosine", description="Course of the learning rate after warm-up.")
    warmup_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        0.024, description="Share of the steps over which the learning rate rises from 0, from 0 to 1."
    )
    clip: Annotated[float, Field(gt=0.0)] | None = Field(
        0.25, description="Largest norm of the gradient, above 0; null for no limit."
    )


class EvaluationConfig(Section):
    """When and how the model is evaluated."""

    times: Count = Field(20, description="Evaluations in a run, whatever its length, e.g. 20.")
    batch_size: Count = Field(10, description="Streams of the validation text read side by side, e.g. 10.")
    log_times: Count = Field(100, description="Lines with the training loss in a run, whatever its length, e.g. 100.")
    target_length: Count | None = Field(
        None, description="Tokens of each stream that one evaluation step predicts; by default data.target_length."
    )
    memory_length: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Hidden states that evaluation carries; by default model.memory_length."
    )
    test: bool = Field(True, description="Evaluate the best checkpoint on the test text at the end.")


class CheckpointConfig(Section):
    """When the run's state is saved, beside its end, each evaluation and a signal to stop."""

    every_seconds: Annotated[float, Field(gt=0.0)] = Field(60.0, description="Seconds between two checkpoints.")


class BudgetConfig(Section):
    """How long to train: one of the three."""

    steps: Count | None = Field(None, description="Optimizer steps, e.g. 3000.")
    tokens: Count | None = Field(None, description="Training tokens read, e.g. 1500000.")
    epochs: Annotated[float, Field(gt=0.0)] | None = Field(None, description="Passes over the training text, e.g. 2.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("steps", "tokens", "epochs") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of steps, tokens and epochs, but got {' and '.join(given) or 'none'}.")
        return self


class TrainerConfig(Section):
    """A training run. `seed` fixes initialization, data order and dropout."""

    data: DataConfig = Field(default_factory=DataConfig, description="What is trained on.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="The network.")
    regularization: RegularizationConfig = Field(default_factory=RegularizationConfig, description="Regularizers.")
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig, description="The optimizer.")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig, description="Evaluation.")
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig, description="Checkpoints.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one.")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="Of the model's weights; the optimizer's stay fp32. fp16 scales its loss."
    )
    compile: bool = Field(False, description="Compile the model with torch.compile; needs a GPU.")
    threads: Count | None = Field(None, description="CPU threads; null leaves the choice to PyTorch.")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(0, description="A whole number from 0.")
    budget: BudgetConfig | None = Field(None, description="How long to train, e.g. {steps: 3000}.")

    @property
    def context_length(self) -> int:
        """The most tokens that attention sees in training."""
        return self.data.target_length + self.model.memory_length

    @property
    def evaluation_lengths(self) -> tuple[int, int]:
        """Target and memory length of evaluation."""
        target, memory = self.evaluation.target_length, self.evaluation.memory_length
        return target or self.data.target_length, self.model.memory_length if memory is None else memory

    @model_serializer(mode="wrap")
    def _dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """All sections, without the options that the chosen kinds lack."""
        return existing_options(handler(self))
