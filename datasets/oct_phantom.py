"""Synthetic retinal OCT B-scans with pixel-exact lesions: the data set that needs no download.

Simulated eyes give several neighbouring scans each; no eye is in two parts. In the test part an eye has scans with
lesions of one kind and scans without, and which of its scans have them changes from eye to eye, so that neither an
eye's brightness and shape nor a scan's distance from the fovea says anything about the label.
A result on these scans shows that a method works, not how well it would do in a clinic.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

from pydantic import Field

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Mask, Region, Sample, Split, Uint8Image
from bench.files import text_digest

from .preprocessing.retina import flatten_retina
from .preprocessing.retina_simulator import LESIONS, Simulated, lesion_count, simulate

GENERATOR = "retina-3"
"""To be changed with every change of a simulated scan or of its label: it enters digests and so the keys of runs."""

SCANS_PER_EYE = 4
HEIGHT, BELOW = 96, 20  # half of what the real scans get, as these have half their resolution


class Params(contracts.Params):
    seed: int = Field(0, ge=0, description="which simulated population")
    train_scans: int = Field(320, ge=1, description="normal scans to learn from")
    val_scans: int = Field(40, ge=1, description="normal scans that set thresholds")
    test_normal: int = Field(120, ge=1, description="test scans without a lesion")
    test_anomalous: int = Field(120, ge=1, description="test scans with drusen, cysts, fluid or foci")
    flatten: bool = Field(True, description="straighten the retina and crop to it, as for oct")


class Dataset(contracts.Dataset[Params]):
    """Scans ``(96, 256)`` when flattened, ``(256, 256)`` otherwise; one region per lesion."""

    summary = "Synthetic retinal OCT B-scans with drusen, cysts, fluid and bright foci; nothing to download"
    needs = ""
    licence = "generated; same licence as this package"
    citation = ""
    synthetic = True
    default_view = "patches:64/32"
    channels = 1
    mirrored_is_normal = True

    def split(self) -> Split:
        chosen = self.params
        train = ["good"] * chosen.train_scans
        val = ["good"] * chosen.val_scans
        test = _interleaved(chosen.test_normal, chosen.test_anomalous)
        first_val = _eyes(len(train))
        first_test = first_val + _eyes(len(val))
        return Split(
            train=tuple(self._samples("train", train, 0)),
            val=tuple(self._samples("val", val, first_val)),
            test=tuple(self._samples("test", test, first_test)),
            protocol=f"simulated retinas {GENERATOR}",
            facts={"synthetic": True, "scans_per_patient": SCANS_PER_EYE, "patients": first_test + _eyes(len(test))},
            group_name="patient",
        )

    def _samples(self, part: str, labels: list[str], first_eye: int) -> Iterator[Sample]:
        for number in range(_eyes(len(labels))):
            eye, own = first_eye + number, labels[number * SCANS_PER_EYE : (number + 1) * SCANS_PER_EYE]
            for scan, label in enumerate(reversed(own) if _is_turned(number) else own):
                yield self._sample(part, eye, scan, LESIONS[eye % len(LESIONS)] if label == "lesion" else "good")

    def _sample(self, part: str, eye: int, scan: int, kind: str) -> Sample:
        key = (self.params.seed, eye, scan, kind, self.params.flatten)
        return Sample(
            id=f"{part}/patient{eye:04d}-{scan}",
            label=NORMAL if kind == "good" else ANOMALOUS,
            kind=kind,
            read=partial(read_scan, *key),
            digest=text_digest(GENERATOR, *key),
            group=f"patient{eye:04d}",
            regions=tuple(
                Region(read=partial(read_lesion, *key, number), name=kind) for number in range(lesion_count(*key[:4]))
            ),
        )


def read_scan(seed: int, eye: int, scan: int, kind: str, flatten: bool) -> Uint8Image:
    """The scan, flattened along the surface that is estimated from it, as a real scan would be."""
    image = _simulated(seed, eye, scan, kind).scan
    return flatten_retina(image, HEIGHT, BELOW).apply(image) if flatten else image


def read_lesion(seed: int, eye: int, scan: int, kind: str, flatten: bool, number: int) -> Mask:
    """One lesion's mask, moved by the very shifts of its scan."""
    simulated = _simulated(seed, eye, scan, kind)
    _, mask = simulated.lesions[number]
    return flatten_retina(simulated.scan, HEIGHT, BELOW).apply(mask) if flatten else mask


@lru_cache(maxsize=4)
def _simulated(seed: int, eye: int, scan: int, kind: str) -> Simulated:
    # A scan's masks are read right after it: they need not be simulated again.
    return simulate(seed, eye, scan, kind)


def _is_turned(number: int) -> bool:
    """Every second eye of a part, and every second one with the same kind of lesion."""
    return bool((number // len(LESIONS) + number) % 2)


def _eyes(scans: int) -> int:
    return -(-scans // SCANS_PER_EYE)


def _interleaved(normal: int, anomalous: int) -> list[str]:
    """Labels in an order that gives every eye its share of both."""
    places = [((i + 0.5) / normal, "good") for i in range(normal)]
    places += [((i + 0.5) / anomalous, "lesion") for i in range(anomalous)]
    return [label for _, label in sorted(places)]
