"""Events of OpenLineage on stdin, a line each: each is made of openlineage-python's own classes, which check it, and is
given back by its serializer. Prints them, a line each."""

import json
import sys

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    datasource_dataset,
    error_message_run,
    job_type_job,
    schema_dataset,
    tags_run,
)
from openlineage.client.serde import Serde


def schema(content):
    fields = [schema_dataset.SchemaDatasetFacetFields(**field) for field in content["fields"]]
    return schema_dataset.SchemaDatasetFacet(fields=fields)


def column_lineage(content):
    fields = {
        name: column_lineage_dataset.Fields(
            inputFields=[column_lineage_dataset.InputField(**one) for one in field["inputFields"]]
        )
        for name, field in content["fields"].items()
    }
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields)


def tags(content):
    return tags_run.TagsRunFacet(tags=[tags_run.TagsRunFacetFields(**one) for one in content["tags"]])


MAKERS = {
    "schema": schema,
    "columnLineage": column_lineage,
    "tags": tags,
    "dataSource": lambda content: datasource_dataset.DatasourceDatasetFacet(**content),
    "errorMessage": lambda content: error_message_run.ErrorMessageRunFacet(**content),
    "jobType": lambda content: job_type_job.JobTypeJobFacet(**content),
}


def facets(of):
    made = {}
    for name, content in of.items():
        producer, url = content.pop("_producer"), content.pop("_schemaURL")
        facet = MAKERS[name](content)
        assert facet._get_schema() == url, f"{name}: {url}"
        made[name] = facet
        facet._producer = producer
    return made


def datasets(kind, all_of):
    return [kind(namespace=one["namespace"], name=one["name"], facets=facets(one["facets"])) for one in all_of]


for line in sys.stdin:
    event = json.loads(line)
    made = RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=Run(runId=event["run"]["runId"], facets=facets(event["run"]["facets"])),
        job=Job(namespace=event["job"]["namespace"], name=event["job"]["name"], facets=facets(event["job"]["facets"])),
        inputs=datasets(InputDataset, event["inputs"]),
        outputs=datasets(OutputDataset, event["outputs"]),
    )
    assert made._get_schema() == event["schemaURL"], event["schemaURL"]
    print(json.dumps(Serde.to_dict(made)))
