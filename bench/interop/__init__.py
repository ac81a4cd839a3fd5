"""f-AnoGAN for users of anomalib: ``FAnoGAN`` is one of its models, to be used with ``anomalib.engine.Engine``.

Nothing is implemented twice: training, networks, losses and scores are those of ``methods/fanogan.py``. Like anomalib's
memory-bank models this one gathers the normal images in one pass over the data module; then our own loops train on
them, first the GAN and then the encoder, in steps and not in epochs.

What anomalib reports is its own measure: its post-processor clamps scores, and its AUROC may squash them. The raw
scores are those of ``bench run``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

try:
    import anomalib  # noqa: F401 - asked for first, that its absence is told in one line
except ImportError as error:
    raise ImportError("bench.interop needs anomalib: pip install 'anomalib>=2.7,<2.8'.") from error

from anomalib import LearningType
from anomalib.data import ImageBatch
from anomalib.metrics import Evaluator
from anomalib.models.components import AnomalibModule
from anomalib.pre_processing import PreProcessor
from anomalib.visualization import Visualizer

from bench import registry
from bench.contracts import ImageShape
from bench.errors import ConfigError, DataError, StoreError, unknown_name
from bench.interop.model import FAnoGANModel, Resize, ScalingPreProcessor, in_memory
from bench.progress import LineReporter
from bench.records import artifacts
from bench.records.record import Record
from bench.records.stages import StageStore
from bench.records.store import read_record
from bench.records.weights import load_weights
from bench.spec import PRESETS
from bench.stopping import StopRequest
from bench.training.images import training_images
from bench.training.services import RunContext, read_rows
from bench.views import View

__all__ = ["FAnoGAN", "Resize"]

# The one room that knows methods by name: it offers f-AnoGAN, and no other, to users of anomalib.
_FAMILY = ("fanogan", "izi", "ziz")
_LAST_OF_THE_GENERATOR = "generator.to_image.weight"
"""Among their weights: ``(channels, …)``."""


class FAnoGAN(AnomalibModule):
    """f-AnoGAN (or its variants ``izi`` and ``ziz``) as a model of anomalib.

    Args:
        image_size: Height and width the networks see: 32, 64, 128 or 256.
        channels: 1 to look at grey, 3 to look at colour.
        preset: ``quick``, ``standard``, ``paper`` or a published one, as for ``bench run``; it leaves the size alone.
        seed: Of all random numbers of the training; what the data module draws has a seed of its own.
        mirror: Whether a normal image flipped left to right is normal; training then flips.
        method: ``fanogan``, ``izi`` or ``ziz``.
        pre_processor, post_processor, evaluator, visualizer: As for every model of anomalib.
        params: The method's parameters, as after ``--set``: ``latent_dim=64``. See ``bench list fanogan``.

    Raises:
        ConfigError: For a name, a value or a size that cannot be used.
    """

    model: FAnoGANModel

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 3,
        preset: str = "standard",
        seed: int = 0,
        mirror: bool = False,
        method: str = "fanogan",
        pre_processor: nn.Module | bool = True,
        post_processor: nn.Module | bool = True,
        evaluator: Evaluator | bool = True,
        visualizer: Visualizer | bool = True,
        **params: Any,  # noqa: ANN401 - the method validates them
    ) -> None:
        _require_channels(channels)
        if pre_processor is True:
            pre_processor = self.configure_pre_processor((image_size, image_size), channels)
        super().__init__(pre_processor, post_processor, evaluator, visualizer)
        self.preset, self.seed, self.mirror, self.method, self.params = preset, seed, mirror, method, params
        self.shape = ImageShape(channels, View.parse(f"resize:{image_size}").size)
        self.model = FAnoGANModel(self._new_detector(None), self.shape)
        self._gathered: list[tuple[str, NDArray[np.uint8]]] = []

    @classmethod
    def from_record(cls, folder: str | Path, **components: Any) -> Self:  # noqa: ANN401 - passed on to the constructor
        """The detector that a finished run of ``bench`` left in ``folder``, ready to score.

        Thresholds are anomalib's own: ``Engine.validate`` finds them. ``components`` are the constructor's
        ``pre_processor``, ``post_processor``, ``evaluator`` and ``visualizer``. Raises ``StoreError`` where there is no
        finished run with weights, ``ConfigError`` for a method or a view that anomalib cannot be given.
        """
        record, weights = _read(Path(folder))
        spec = record.spec
        view = _whole_image_view(record)
        channels = int(weights[_LAST_OF_THE_GENERATOR].shape[0])  # records do not name it
        settings = {"preset": spec.preset, "seed": spec.seed, "method": spec.method, **spec.params}
        model = cls(view.size, channels, **settings, **components)
        detector = model._new_detector(None)
        detector.restore(weights, model.shape, torch.device("cpu"))
        model.model.hold(detector, trained=True)
        return model

    def _new_detector(self, images: int | None) -> Any:  # noqa: ANN401 - plug-ins are imported by name
        """An unfitted detector, its batches no larger than the ``images`` there are to learn from."""
        detector, params = _load(self.method)
        known = [*PRESETS, *detector.published]
        if self.preset not in known:
            raise unknown_name(f"preset of {self.method}", self.preset, known, f"See: bench list {self.method}.")
        values = {**detector.preset(self.preset, images), **self.params}
        return detector(registry.make_params(self.method, params, values))

    # ------------------------------------------------------------------------------------- training

    def on_train_start(self) -> None:
        self._gathered = []

    def training_step(self, batch: ImageBatch, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401 - Lightning's signature
        """Keep the images. The loss is a stand-in: Lightning writes no checkpoint of a fit without steps."""
        _require_normal(batch)
        assert batch.image is not None  # optional in anomalib's class, never in its training batches
        images = self.model.as_bytes(batch.image)
        paths = map(str, batch.image_path or [""] * len(images))
        self._gathered += zip(paths, images, strict=True)
        return torch.zeros((), device=self.device, requires_grad=True)

    def on_validation_start(self) -> None:
        self._fit_what_was_gathered()  # Lightning validates before it ends the epoch

    def on_train_epoch_end(self) -> None:
        self._fit_what_was_gathered()

    def _fit_what_was_gathered(self) -> None:
        if self._gathered and not self.trainer.sanity_checking:
            # By path and not as the loader shuffled them: the same images and seed give the same weights.
            images = [image[None] for _, image in sorted(self._gathered, key=lambda pair: pair[0])]
            self._gathered = []
            with torch.inference_mode(False), torch.enable_grad():  # validation runs without either
                self._fit(images)

    def _fit(self, images: list[NDArray[np.uint8]]) -> None:
        normal = training_images(View(self.shape.size), in_memory(images), self.device, self.mirror)
        detector = self._new_detector(len(images))
        with tempfile.TemporaryDirectory() as work:
            context = self._context(Path(work))
            # The validation part of anomalib holds anomalies, which no training may watch.
            detector.fit(normal, normal, context=context)
            self._write_log(context)
        self.model.hold(detector, trained=True)

    def _write_log(self, context: RunContext) -> None:
        """``training.csv`` beside the checkpoints, as a record has it."""
        folders = [context.stages.folder_of(key) for key in context.used_stages.values()] + [context.folder]
        target = Path(self.trainer.default_root_dir)
        target.mkdir(parents=True, exist_ok=True)
        artifacts.write_training(target, [row for folder in folders for row in read_rows(folder)])

    def _context(self, work: Path) -> RunContext:
        # Lines and not bars: Lightning's own bar is on the screen.
        return RunContext(
            self.device, self.seed, work, StageStore(work / "stages"), {}, LineReporter(), StopRequest(), {}
        )

    # -------------------------------------------------------------------------------------- anomalib

    def validation_step(self, batch: ImageBatch, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Lightning's signature
        return batch.update(**self.model(batch.image)._asdict())

    def configure_optimizers(self) -> None:
        """None: the method steps its own."""

    @property
    def trainer_arguments(self) -> dict[str, Any]:
        """One pass over all images on one device, and validation after it, not before or within."""
        return {"max_epochs": 1, "num_sanity_val_steps": 0, "val_check_interval": 1.0, "devices": 1}

    @property
    def learning_type(self) -> LearningType:
        return LearningType.ONE_CLASS

    @staticmethod
    def configure_pre_processor(image_size: tuple[int, int] | None = None, channels: int = 3) -> PreProcessor:
        """Scaling alone: ``image_size`` must be square. No normalisation follows."""
        height, width = image_size or (64, 64)
        if height != width:
            raise ConfigError(f"Expected a square image size, found {height}x{width}.")
        return ScalingPreProcessor(Resize(height, channels))

    def to_onnx(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ANN401 - anomalib's signature
        """Scaling and grey are Pillow's, which ONNX and OpenVINO do not have: refused, for scores would differ."""
        raise ConfigError("FAnoGAN cannot be exported to ONNX or OpenVINO. Use export_type='torch' or a checkpoint.")


def _require_channels(channels: int) -> None:
    if channels not in (1, 3):
        raise ConfigError(f"Expected channels=1 (grey) or channels=3 (colour), found {channels}.")


def _require_normal(batch: ImageBatch) -> None:
    anomalous = 0 if batch.gt_label is None else int(batch.gt_label.sum())
    if anomalous:
        raise DataError(
            f"Expected only normal images to learn from, found {anomalous} anomalous in a training batch."
            " Move them to the test part of the data module."
        )


def _load(method: str) -> tuple[Any, Any]:
    if method not in _FAMILY:
        raise unknown_name("variant of f-AnoGAN", method, _FAMILY, "")
    return registry.load_method(method)


def _read(folder: Path) -> tuple[Record, dict[str, Tensor]]:
    """Record and weights of a finished run."""
    for name in ("record.json", "weights.safetensors"):
        if not (folder / name).is_file():
            raise StoreError(
                f"Expected {name} in {folder}, found none. Give the folder of one finished run of f-AnoGAN:"
                " results/runs/<data set>/<method>/<key>."
            )
    record = read_record(folder)
    if record.status != "done" or record.spec.method not in _FAMILY:
        raise ConfigError(
            f"Expected a finished run of {', '.join(_FAMILY)} in {folder},"
            f" found one of {record.spec.method} with status '{record.status}'."
        )
    return record, load_weights(folder / "weights.safetensors", "Repeat the run: bench run … --force.")


def _whole_image_view(record: Record) -> View:
    view = View.parse(record.spec.view)
    if view.stride is not None:
        raise ConfigError(
            f"Expected a run on whole images (--view resize:{view.size}), found {view} in {record.folder}. anomalib"
            " scores an image once, not tile by tile: repeat the run with --view resize:SIZE, or score with bench."
        )
    return view
