"""A KServe transformer: who asks the model gives keys alone, and the predictor gets the features of these keys.

python kserve_transformer.py --model_name ranker --predictor_host ranker-predictor:80 --predictor_protocol v2

The sidecar runs in the transformer's pod; PLUMBLINE_URL says where, unless it is http://127.0.0.1:6566. A request of
the Open Inference Protocol has one input for each join key, with a value a row. Its id, or one that is made, goes on to
the predictor, is that of the answer, and finds the vectors again: `plumb train --from-log`.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from kserve import InferInput, InferRequest, Model, ModelServer, model_server
from kserve.errors import InvalidInput

from plumbline_client import AsyncClient, FeatureError

SERVICE = "rank_v1"


class FeatureTransformer(Model):
    """Asks the sidecar, then the predictor, which the server knows by its arguments."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        url = os.environ.get("PLUMBLINE_URL", "http://127.0.0.1:6566")
        self.features = AsyncClient(url, deadline=0.05)
        self.ready = True

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> InferRequest:
        """Keys in; out the features that are numbers, a row each, in the service's order; NaN where there is none."""
        if not isinstance(payload, InferRequest):
            raise InvalidInput("expected a request of the Open Inference Protocol: POST /v2/models/NAME/infer")
        keys = {one.name: one.as_numpy().reshape(-1).tolist() for one in payload.inputs}
        try:
            answer = await self.features.get_online_features(SERVICE, keys, request_id=payload.id, as_tensors=True)
        except FeatureError as error:
            raise InvalidInput(str(error)) from error
        matrix = answer.to_numpy()
        tensor = InferInput("features", list(matrix.shape), "FP64")
        tensor.set_data_from_numpy(matrix, binary_data=False)
        return InferRequest(self.name, [tensor], request_id=answer.request_id)


if __name__ == "__main__":
    arguments, _ = argparse.ArgumentParser(parents=[model_server.parser]).parse_known_args()
    ModelServer().start([FeatureTransformer(arguments.model_name)])
