"""Reads {version, manifests} and prints what Kubernetes' schemas have against them, as a JSON list of sentences."""

import json
import sys

import kubernetes_validate

asked = json.load(sys.stdin)
mistakes = []
for manifest in asked["manifests"]:
    try:
        kubernetes_validate.validate(manifest, asked["version"], strict=True)
    except kubernetes_validate.ValidationError as error:
        mistakes.append(f"{manifest['kind']} {manifest['metadata']['name']}: {error.message}")
json.dump(mistakes, sys.stdout)
