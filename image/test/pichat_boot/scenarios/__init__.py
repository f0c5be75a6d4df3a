"""One module a scenario. The first line of its docstring is its summary; `run(bench)` runs it."""

from collections.abc import Callable

from ..fixtures import Bench
from . import (
    broken_settings,
    full_disk,
    power_cut_first_boot,
    power_cut_upload,
    provisioned,
    reclaim,
    reflash,
    sign_ins,
    story,
)

_MODULES = {
    "story": story,
    "power-cut-upload": power_cut_upload,
    "power-cut-first-boot": power_cut_first_boot,
    "reflash": reflash,
    "broken-settings": broken_settings,
    "provisioned": provisioned,
    "reclaim": reclaim,
    "full-disk": full_disk,
    "sign-ins": sign_ins,
}

SCENARIOS: dict[str, Callable[[Bench], None]] = {name: module.run for name, module in _MODULES.items()}
SUMMARIES: dict[str, str] = {name: (module.__doc__ or "").splitlines()[0] for name, module in _MODULES.items()}
