"""Makes feast-registry.pb: the registry of Feast's own template `local` (feast 0.67), without the bodies of its functions.

    python test/golden/feast-registry.py > test/golden/feast-registry.pb
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import feast
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_operations import parse_repo

template = Path(feast.__file__).parent / "templates" / "local" / "feature_repo"
repo = Path(tempfile.mkdtemp()) / "repo"
shutil.copytree(template, repo)
for file in repo.glob("*.py"):
    text = file.read_text()
    for name, value in {"PARQUET_PATH": "data/driver_stats.parquet", "LOGGING_PATH": "logs", "PROJECT_NAME": "shop"}.items():
        text = text.replace(f"%{name}%", value)
    file.write_text(text)
os.chdir(repo)
sys.path.insert(0, str(repo))
contents = parse_repo(repo)
registry = Registry()
for name in (
    "entities",
    "data_sources",
    "feature_views",
    "on_demand_feature_views",
    "feature_services",
    "label_views",
):
    for one in sorted(getattr(contents, name), key=lambda one: one.name):
        getattr(registry, name).append(one.to_proto())
for view in registry.on_demand_feature_views:
    view.spec.ClearField("user_defined_function")
    view.spec.feature_transformation.user_defined_function.body = b""
    view.spec.feature_transformation.user_defined_function.body_text = ""
out.write(registry.SerializeToString(deterministic=True))
out.close()
