"""What can be said about Ray without it. tests/servers/test_ray.py has the real one."""

import pytest

from digits.base.errors import UserError
from hydra_plugins.ray_launcher import RayLauncher


def test_without_ray_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="Ray is not installed; `make team-setup` installs it"):
        RayLauncher(address=None, num_cpus=1, num_gpus=0, mem_gb=None).check()
