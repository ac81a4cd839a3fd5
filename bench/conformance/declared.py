"""What a method says of itself: parameters and presets."""

from __future__ import annotations

from pydantic import ValidationError

from bench import registry
from bench.conformance.findings import Broken, check
from bench.conformance.study import Study
from bench.errors import ConfigError
from bench.spec import PRESETS

_STRANGE = "no_such_parameter"


@check("parameters")
def parameters(study: Study) -> None:
    """Params refuses parameters it does not know, cannot be changed, and describes each of its fields."""
    try:
        study.params_cls.model_validate({_STRANGE: 1})
    except ValidationError:
        pass
    else:
        raise Broken(
            f"Expected Params to refuse '{_STRANGE}', which it does not know; it took it. Leave model_config as"
            " bench.contracts.Params has it (extra='forbid')."
        )
    if not study.params_cls.model_config.get("frozen"):
        raise Broken("Expected Params to be frozen: records hold what a run began with. Leave model_config alone.")
    bare = [key for key, info in study.params_cls.model_fields.items() if not info.description]
    if bare:
        raise Broken(f"Expected Field(..., description=…) for each parameter, found none for {', '.join(bare)}.")


@check("presets")
def presets(study: Study) -> None:
    """Every preset is one of quick, standard and paper, and changes parameters that exist to values they take."""
    if strange := set(study.cls.presets) - set(PRESETS):
        raise Broken(
            f"Expected presets among {', '.join(PRESETS)}, found {', '.join(sorted(strange))}. One that is named after"
            " a publication belongs in 'published'."
        )
    for name in (*PRESETS, *study.cls.published):
        for images in (None, 1000):
            try:
                registry.make_params(study.method, study.params_cls, dict(study.cls.preset(name, images)))
            except ConfigError as error:
                raise Broken(f"Preset '{name}' cannot be used. {error}") from error
