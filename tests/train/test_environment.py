import getpass
import json

import torch

from netchip.train.environment import describe_environment
from netchip.version import __version__


def test_it_names_versions_and_machine_and_no_user_or_path():
    found = describe_environment()
    assert found["netchip"] == __version__
    assert (
        found["packages"]["torch"] == torch.__version__.split("+")[0] or found["packages"]["torch"] == torch.__version__
    )
    assert found["cores"] >= 1
    text = json.dumps(found)
    assert "/home" not in text
    assert f'"{getpass.getuser()}"' not in text
