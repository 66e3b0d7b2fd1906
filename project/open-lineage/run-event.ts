/**
 * A run as an event of OpenLineage (openlineage.io, spec 2-0-2): what it read, what it wrote, and which column came of
 * which. One event a run, at its end. Pure: emit.ts sends it.
 *
 *   materialize  source -> history, online store     columns of the source -> features
 *   train        labels, histories -> the set        features of histories -> columns of the set
 *   monitor      archive, histories -> the snapshot
 */
import { createHash } from 'node:crypto';
import { isObject } from '../../contract/std/files/local-path.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';
import { formatType } from '../../contract/value-type.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Bundle, FeatureService, FeatureView } from '../../contract/model.ts';
import { historyFolder } from '../history/history-folder.ts';
import { OWN_PACKAGE } from '../own-package.ts';
import { LineageGraph } from '../overview/lineage-graph.ts';
import type { Settings } from '../settings/settings.ts';

const SPEC = 'https://openlineage.io/spec';
const PRODUCER = `urn:plumbline:${OWN_PACKAGE.name}:${OWN_PACKAGE.version}`;

interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: Readonly<Record<string, object>>;
}

type Named = Pick<Dataset, 'namespace' | 'name'>;

/** What a run did, for its event. */
export interface LineageRun {
  /** `materialize.purchases`, `train.churn`, `monitor.churn_v1` */
  readonly job: string;
  /** By which the registry knows it, or any text that no other run has. */
  readonly runId: string;
  /** RFC 3339, of its end. */
  readonly endedAt: string;
  /** null: it is complete. */
  readonly error: string | null;
  readonly inputs: readonly Dataset[];
  readonly outputs: readonly Dataset[];
}

/** @returns the event as the protocol has it */
export function runEvent(project: string, run: LineageRun): object {
  const error =
    run.error === null
      ? {}
      : {
          errorMessage: facet('1-0-1/ErrorMessageRunFacet', {
            message: run.error,
            programmingLanguage: 'TypeScript',
          }),
        };
  const [jobType] = run.job.split('.');
  const tags = [{ key: 'plumbline.run', value: run.runId, source: 'PLUMBLINE' }];
  return {
    eventType: run.error === null ? 'COMPLETE' : 'FAIL',
    eventTime: run.endedAt,
    producer: PRODUCER,
    schemaURL: `${SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent`,
    run: {
      runId: uuidOf(`${project} ${run.job} ${run.runId}`),
      facets: { ...error, tags: facet('1-0-0/TagsRunFacet', { tags }) },
    },
    job: {
      namespace: project,
      name: run.job,
      facets: {
        jobType: facet('2-0-4/JobTypeJobFacet', {
          processingType: 'BATCH',
          integration: 'PLUMBLINE',
          jobType: jobType!.toUpperCase(),
        }),
      },
    },
    inputs: run.inputs,
    outputs: run.outputs,
  };
}

/** @returns the same UUID for the same text: an event that is sent again is known again */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  // Version 8 is free for any use (RFC 9562).
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** What a run of a view reads and writes. */
export function viewDatasets(
  settings: Settings,
  bundle: Bundle,
  view: FeatureView,
): Pick<LineageRun, 'inputs' | 'outputs'> {
  const source = sourceDataset(settings, view);
  const graph = new LineageGraph(bundle, ({ type }) => formatType(type));
  const columns = view.features.map(({ name }) => {
    const above = graph.above(`feature:${view.id}__${name}`).map((id) => graph.node(id));
    const read = above.filter(({ kind }) => kind === 'column').map((one) => one.name.split('.').at(-1)!);
    return [name, read.map((field) => ({ namespace: source.namespace, name: source.name, field }))] as const;
  });
  const facets = { schema: schemaOf(view), columnLineage: columnLineage(columns) };
  const online = onlinePlace(settings, view);
  const outputs = [...(hasHistory(view) ? [historyPlace(settings, view)] : []), online];
  return {
    inputs: [source],
    outputs: outputs.map((place) => ({ ...place, facets: { ...facets, dataSource: dataSource(place) } })),
  };
}

/** @param labels, out  files, absolute */
export function trainingDatasets(
  settings: Settings,
  bundle: Bundle,
  service: FeatureService,
  { labels, out }: { readonly labels: string; readonly out: string },
): Pick<LineageRun, 'inputs' | 'outputs'> {
  const views = viewsOf(bundle, service);
  const rows = new Map(views.map((view) => [view.id, rowsPlace(settings, view)]));
  const columns = service.features.map(({ fullName, view, feature }) => {
    const from = rows.get(view);
    return [fullName, from === undefined ? [] : [{ ...from, field: feature }]] as const;
  });
  const fields = service.features.map(({ fullName, view, feature }) => {
    const own = (bundle.views.get(view) ?? bundle.onDemand.get(view))?.features;
    const type = own?.find(({ name }) => name === feature)?.type;
    return { name: fullName, ...(type === undefined ? {} : { type: formatType(type) }) };
  });
  const place = filePlace(out);
  const facets = {
    schema: facet('1-2-0/SchemaDatasetFacet', { fields }),
    columnLineage: columnLineage(columns),
    dataSource: dataSource(place),
  };
  return {
    inputs: [withSource(filePlace(labels)), ...views.map((view) => rowsDataset(settings, view))],
    outputs: [{ ...place, facets }],
  };
}

/** @param snapshot  the file, absolute */
export function verdictDatasets(
  settings: Settings,
  bundle: Bundle,
  service: FeatureService | undefined,
  snapshot: string,
): Pick<LineageRun, 'inputs' | 'outputs'> {
  const views = service === undefined ? [] : viewsOf(bundle, service);
  const archive = withSource(filePlace(settings.served));
  return {
    inputs: [archive, ...views.map((view) => rowsDataset(settings, view))],
    outputs: [withSource(filePlace(snapshot))],
  };
}

/** Views of a service that have rows: on-demand ones are computed of the others. */
function viewsOf(bundle: Bundle, service: FeatureService): FeatureView[] {
  const ids = new Set(service.features.map(({ view }) => view));
  return [...ids].flatMap((id) => bundle.views.get(id) ?? []);
}

function rowsDataset(settings: Settings, view: FeatureView): Dataset {
  const place = rowsPlace(settings, view);
  return { ...place, facets: { schema: schemaOf(view), dataSource: dataSource(place) } };
}

/** Where the rows of a view lie that training and replay read: of a stored view its source. */
function rowsPlace(settings: Settings, view: FeatureView): Named {
  return hasHistory(view) ? historyPlace(settings, view) : sourcePlace(settings, view);
}

function historyPlace({ history }: Settings, view: FeatureView): Named {
  return filePlace(historyFolder(history, view).path);
}

function onlinePlace({ online }: Settings, view: FeatureView): Named {
  if (online.kind === 'sqlite') return { namespace: 'file', name: `${online.url}/${view.id}` };
  const hosts = /:\/\/(?:.*@)?([^/?]+)/.exec(withoutPassword(online.url))?.[1] ?? 'redis';
  return { namespace: `redis://${hosts}`, name: `${online.keyPrefix}${view.id}` };
}

function sourcePlace({ folder, stream }: Settings, { source }: FeatureView): Named {
  const topic = source.stream?.topic ?? null;
  if (topic !== null) return { namespace: `kafka://${stream.kafka?.brokers[0] ?? 'unknown'}`, name: topic };
  return filePlace(source.stream?.folder ?? source.path, folder);
}

function sourceDataset(settings: Settings, view: FeatureView): Dataset {
  const place = sourcePlace(settings, view);
  const fields = view.source.stream?.fields.map(({ name, type }) => ({ name, type: formatType(type) }));
  const facets = { dataSource: dataSource(place) };
  if (fields === undefined) return { ...place, facets };
  return { ...place, facets: { ...facets, schema: facet('1-2-0/SchemaDatasetFacet', { fields }) } };
}

/** As OpenLineage names files: those of this machine by their path, of a bucket by their key. */
function filePlace(path: string, folder = '/'): Named {
  if (!isObject(path)) return { namespace: 'file', name: path.startsWith('/') ? path : `${folder}/${path}` };
  const [, bucket, key] = /^(s3:\/\/[^/]+)\/?(.*)$/.exec(path)!;
  return { namespace: bucket!, name: key === '' ? '/' : key! };
}

function withSource(place: Named): Dataset {
  return { ...place, facets: { dataSource: dataSource(place) } };
}

function schemaOf({ features }: FeatureView): object {
  const fields = features.map(({ name, type, description }) => {
    return { name, type: formatType(type), ...(description === null ? {} : { description }) };
  });
  return facet('1-2-0/SchemaDatasetFacet', { fields });
}

function columnLineage(
  columns: readonly (readonly [string, readonly (Named & { field: string })[]])[],
): object {
  const read = columns.filter(([, inputFields]) => inputFields.length > 0);
  return facet('1-2-0/ColumnLineageDatasetFacet', {
    fields: Object.fromEntries(read.map(([name, inputFields]) => [name, { inputFields }])),
  });
}

function dataSource({ namespace, name }: Named): object {
  const uri = namespace === 'file' ? `file://${name}` : `${namespace}/${name}`;
  return facet('1-0-1/DatasourceDatasetFacet', { name: namespace, uri });
}

function facet(schema: string, content: object): object {
  const name = schema.split('/')[1]!;
  return { _producer: PRODUCER, _schemaURL: `${SPEC}/facets/${schema}.json#/$defs/${name}`, ...content };
}
