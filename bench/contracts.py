"""What a plug-in must provide and what it is given: the one page a method or data set author needs.

A data set (``datasets/<name>.py``) defines ``Params`` and ``Dataset``; a method (``methods/<name>.py``)
defines ``Params`` and ``Detector``. The name on the command line is the file name with ``_`` as ``-``; of a file in a
folder of its own, ``methods/<family>/<name>.py``, it is ``family:name``.
Class attributes written as plain literals (``summary``, ``needs`` …) are read without importing the file.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bench.errors import DataError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Uint8Image = NDArray[np.uint8]
"""A native image: ``(H, W)`` grey or ``(H, W, 3)`` colour."""

Mask = NDArray[np.bool_]
"""A native mask ``(H, W)``: true where the defect is."""

NORMAL, ANOMALOUS = 0, 1


class Params(BaseModel):
    """Settings of a plug-in: frozen, typed, ranged, one ``description`` per field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


ParamsT = TypeVar("ParamsT", bound=Params)


# ------------------------------------------------------------------------------------------ data


@dataclass(frozen=True)
class Region:
    """One annotated defect. Regions may overlap; they are never merged, resized or binarised early.

    ``saturation`` is the area that is enough to count as found: a share of the defect's area in (0, 1] when
    ``relative``, a number of pixels at native resolution otherwise. ``None`` where nobody published a rule: then
    every connected component of the image's annotation is a defect of its own, and all of it is due.
    """

    read: Callable[[], Mask]
    saturation: float | None = None
    relative: bool = False
    name: str = "defect"
    source: Path | None = None

    def saturation_area(self, area: int) -> int:
        """Pixels that are enough, of a defect of ``area`` pixels: at least one, at most all of them.

        As MVTec's evaluator has it, but for a share of a tiny defect, which it rounds down to none.
        """
        if self.saturation is None:
            return area
        wanted = int(self.saturation * area) if self.relative else int(self.saturation)
        return max(1, min(wanted, area))


@dataclass(frozen=True)
class Sample:
    """One image and what is known of it. ``read`` and ``Region.read`` must be picklable.

    ``id`` names this image and no other of the split: its file's path below the data set's folder, for instance.
    ``digest`` identifies the content without decoding it (a file's hash, or what a simulator was
    seeded with): it enters the key of every run. ``regions`` is ``None`` where nobody annotated
    pixels and ``()`` where it is known that there is no defect. ``group`` is what must not be
    torn apart when resampling: a patient, a volume, a physical part.
    """

    id: str
    label: int
    kind: str
    read: Callable[[], Uint8Image]
    digest: str
    group: str | None = None
    regions: tuple[Region, ...] | None = None
    source: Path | None = None


STATED_BY_THE_SPLIT = frozenset({"subset", "version", "group", "known_leakage"})
"""What records state of every split, beside its ``facts``."""


@dataclass(frozen=True)
class Split:
    """Who is learnt from, who sets thresholds, who is tested; and how that was decided.

    ``train`` and ``val`` hold normal images only. ``protocol`` names the rule (results of two
    protocols are never ranked together); ``facts`` are printed and recorded as they stand, under other names than
    ``STATED_BY_THE_SPLIT``.
    ``known_leakage`` must be stated by data sets whose published split repeats images; without
    it an image found both in training and in test stops the run.

    ``found`` counts the images that lie there, whatever part they take, under names of the data set's own
    choosing; ``published`` holds the same counts of each published version. A data set that equals none of them
    is named a subset wherever its results show.
    """

    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    test: tuple[Sample, ...]
    protocol: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    group_name: str | None = None
    known_leakage: str | None = None
    found: Mapping[str, int] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in ("train", "val"):
            bad = [sample.id for sample in getattr(self, part) if sample.label != NORMAL]
            if bad:
                raise DataError(
                    f"Expected only normal images in '{part}', found {len(bad)} anomalous: {', '.join(bad[:5])}."
                    " Anomalous images belong in the test part."
                )
        for part in ("train", "val", "test"):
            if not getattr(self, part):
                raise DataError(f"Expected images in '{part}' of protocol '{self.protocol}', found none.")
        self._require_own_ids()
        if taken := sorted(STATED_BY_THE_SPLIT & self.facts.keys()):
            raise DataError(
                f"Expected facts of protocol '{self.protocol}' under names of their own, found {', '.join(taken)}:"
                " records state these from the other fields of Split. Fill those, or choose another name."
            )

    def _require_own_ids(self) -> None:
        """Scores and maps are kept by id, so it names one image; a leak may bring that one into two parts."""
        contents: dict[str, str] = {}
        again: list[str] = []
        for samples in self.parts().values():
            times = Counter(sample.id for sample in samples)
            again += [s.id for s in samples if contents.setdefault(s.id, s.digest) != s.digest or times[s.id] > 1]
        if shared := sorted(set(again)):
            raise DataError(
                f"Expected one image for each id of protocol '{self.protocol}', found several for {len(shared)}:"
                f" {', '.join(shared[:5])}{', …' if len(shared) > 5 else ''}."
                " Take more of the file's path into Sample.id, such as all of it below the data set's folder."
            )

    def parts(self) -> dict[str, tuple[Sample, ...]]:
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def version(self) -> str | None:
        """The published version whose counts these are, or ``None``."""
        return next((name for name, counts in self.published.items() if dict(counts) == dict(self.found)), None)

    @property
    def is_subset(self) -> bool:
        """Whether counts were published and these are others."""
        return bool(self.published) and self.version is None


@dataclass(frozen=True)
class Download:
    """A public archive (tar, tar.gz, tar.xz, zip) or a plain file, and what proves that it is the right one."""

    url: str
    sha256: str
    size: int
    """Bytes of the file itself."""
    unpacked_size: int = 0
    """Upper bound of what it unpacks to, in bytes; ten times ``size`` where nothing is stated."""
    folder: str = ""
    """Where it is unpacked, below the data set's own folder."""


class Dataset(ABC, Generic[ParamsT]):
    """Where images come from. ``split`` must not decode them: the referee does, once."""

    summary: ClassVar[str]
    """One line for ``bench list``."""
    needs: ClassVar[str] = ""
    """What the user must bring and where to get it; empty when nothing has to be downloaded."""
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    synthetic: ClassVar[bool] = False
    """Named as synthetic wherever a result is shown."""
    leakage: ClassVar[str] = ""
    """One line on what is known of the same patient, object or image standing in training and in test."""
    downloads: ClassVar[tuple[Download, ...]] = ()
    """Public archives for ``bench data get``; empty where the data must be placed by hand."""
    categories: ClassVar[tuple[str, ...]] = ()
    """Choices after the colon (``mnist:1``); empty when there is nothing to choose."""
    categories_are_averaged: ClassVar[bool] = True
    """Whether the figure of the whole is the mean over the categories; else each is a data set of its own."""
    categories_share_images: ClassVar[bool] = False
    """Whether all categories are tested on the same images under the same ids, another part of them normal in each;
    their figures are then not independent of each other."""
    default_view: ClassVar[str] = "resize:64"
    kinds_are_averaged: ClassVar[bool] = False
    """Whether the published figure is the mean over the kinds of anomaly, each against the normal test images; it is
    that of all anomalous test images together otherwise."""
    channels: int = 1
    """1: images are read as grey; 3: as colour. A data set whose images decide sets it on the instance."""
    mirrored_is_normal: bool = False
    """Whether a normal image flipped left to right is still normal; training may then flip."""

    def __init__(self, params: ParamsT, root: Path | None, category: str | None) -> None:
        self.params = params
        self._root = root
        self.category = category

    @property
    def root(self) -> Path:
        """The folder that ``locate`` found. Only for data sets that need one."""
        if self._root is None:
            raise DataError(f"{type(self).__module__} needs a data folder. Add --data-root DIR.")
        return self._root

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        """The data set's own root at or below ``folder``, or ``None`` if this is another layout."""
        return None

    @abstractmethod
    def split(self) -> Split:
        """Samples of each part, in a stable order."""


# --------------------------------------------------------------------------------------- methods


@dataclass(frozen=True)
class Scores:
    """Answer for a batch of ``N`` images; higher is more anomalous everywhere."""

    image: Tensor
    """``(N,)`` float."""
    map: Tensor | None = None
    """``(N, S, S)`` float, or ``None`` for methods that cannot point."""
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    """Named extra scores ``(N,)``, recorded and tabulated beside the main one."""
    redrawn: Tensor | None = None
    """``(N, C, S, S)``: the normal image that each one was held against, or ``None``."""
    code: Tensor | None = None
    """``(N, d)``: where each image lies in the method's latent space, or ``None``."""


@dataclass(frozen=True)
class ImageShape:
    """What networks are built for: images ``(C, S, S)``."""

    channels: int
    size: int


@dataclass(frozen=True)
class Published:
    """Settings as somebody published them with their figures: a preset of its own name."""

    settings: Mapping[str, Any]
    """Changes to the defaults of ``Params``."""
    view: str
    source: str
    unknown: str
    """What was not published or cannot be had here, and what stands in for it."""


class Images(Protocol):
    """Normal images as a method sees them: float tensors ``(n, C, S, S)`` in [-1, 1], no labels."""

    channels: int
    size: int

    def __len__(self) -> int:
        """Number of distinct views: images, or positions of a random crop."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` random views (crop and flip where the view has them). Raises ``DataError`` if n > len."""

    def batches(self, n: int) -> Iterator[Tensor]:
        """Every image (or tile of a regular grid) once, in a stable order, the last batch smaller."""

    def probe(self, n: int) -> Tensor:
        """At most ``n`` of them, spread evenly over all: always the same, to watch a figure on."""


class Checkpointable(Protocol):
    """What the training loop saves and restores: modules and optimisers."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


class Context(Protocol):
    """The referee's services to a method. It never holds labels, masks, kinds or file names."""

    @property
    def device(self) -> torch.device: ...

    @property
    def seed(self) -> int: ...

    @property
    def log(self) -> logging.Logger: ...

    def generator(self, purpose: str, step: int = 0) -> torch.Generator:
        """A fresh generator for this purpose and step: the same run gives the same numbers, resumed or not."""

    def cpu_generator(self, purpose: str) -> torch.Generator:
        """The same on the CPU, for initial weights: every device starts from the same numbers."""

    def loop(
        self,
        name: str,
        steps: int,
        step: Callable[[int], Mapping[str, Tensor]],
        state: Mapping[str, Checkpointable],
        evaluate: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        """Call ``step(0) … step(steps - 1)``: progress, log rows, checkpoints, resume, divergence check."""

    def stage(
        self, name: str, identity: Mapping[str, Any], train: Callable[[Context], Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Weights of a part shared between methods: trained once per identity, then read back."""


class Detector(ABC, Generic[ParamsT]):
    """A method. Fitted on normal images only; scores each image on its own, whatever batch it came in."""

    summary: ClassVar[str]
    """One line for ``bench list``."""
    needs: ClassVar[str] = ""
    """What beyond the installed packages it needs, such as downloaded weights."""
    trivial: ClassVar[bool] = False
    """Whether it is a line that any method has to beat, shown as such in every ranking."""
    deterministic: ClassVar[bool] = False
    """Whether every seed gives the same scores, as long as no training set is too large and has to be subsampled."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Changes to the defaults of ``Params`` under ``quick``, ``standard`` and ``paper``."""
    published: ClassVar[Mapping[str, Published]] = {}
    """Presets named after a publication: ``bmad-2024``."""
    checked_with: ClassVar[Mapping[str, Any]] = {}
    """Changes under ``bench check``, which takes ``quick`` and lowers fields of the names ``…_steps``, ``batch_size``,
    ``width``, ``latent_dim`` and ``image_size`` by itself: what else makes the method cheap."""
    without_downloads: ClassVar[Mapping[str, Any]] = {}
    """Changes under which it runs without what it ``needs``, such as with random features. ``bench check`` makes them,
    and then expects no direction of its scores."""

    def __init__(self, params: ParamsT) -> None:
        self.params = params

    @classmethod
    def preset(cls, name: str, images: int | None) -> Mapping[str, Any]:
        """Changes to the defaults under a preset; a method may change more for want of ``images`` to learn from.

        ``images`` is ``None`` where crops are drawn, of which there are always enough. What the user sets comes on
        top; what differs from the preset is said and recorded.
        """
        return cls.published[name].settings if name in cls.published else cls.presets.get(name, {})

    @abstractmethod
    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        """Learn what is normal. ``val`` is for watching, and for choosing a sign or a scale; never for weights."""

    @abstractmethod
    def score(self, images: Tensor) -> Scores:
        """Scores of ``(N, C, S, S)`` images in [-1, 1] on ``context.device``."""

    @abstractmethod
    def weights(self) -> Mapping[str, Tensor]:
        """All that ``score`` needs beside the parameters, kept beside the record as safetensors."""

    @abstractmethod
    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        """The opposite of ``weights``: a new detector of the same parameters then scores as the fitted one did.

        ``weights`` lie on the CPU; ``images`` is the shape of those that ``fit`` saw.
        """

    def network_pass(self, images: Tensor) -> object:
        """One pass of the networks alone, without map and score, for ``bench time``; ``None`` where there is none."""
        return None

    def facts(self) -> Mapping[str, Any]:
        """What fitting decided and a reader must know: a subsample, a calibrated sign. Printed and recorded.

        ``caveat``, a sentence, also stands below every leaderboard that ranks the method.
        """
        return {}

    def sample(self, n: int, random: torch.Generator) -> Tensor | None:
        """``n`` images drawn from what was learnt, ``(n, C, S, S)`` in [-1, 1]; ``None`` where nothing can be drawn."""
        return None

    def gallery(self) -> Mapping[str, Tensor]:
        """Pictures of the training's health: name -> ``(rows, columns, C, S, S)`` in [-1, 1]."""
        return {}


class WithNetworks(Protocol):
    """Offered by detectors of trained networks beside the contract, to whoever moves and saves these by other means."""

    def build(self, images: ImageShape) -> None:
        """Make the networks for images of this shape, not yet initialised."""

    def parts(self) -> Mapping[str, torch.nn.Module]:
        """The networks by name: all that ``weights`` holds is in them."""

    def score(self, images: Tensor) -> Scores:
        """As ``Detector.score``."""
