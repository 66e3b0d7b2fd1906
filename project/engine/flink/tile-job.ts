/**
 * The whole job that makes a view's tiles in Flink, as the statements of a file: settings, the topic of messages, what
 * counts, the tiles and how far the source has come, both upserted into one topic
 * (contract/aggregation/tile-message.ts).
 * What Flink cannot make as `plumb stream` does is refused, each with a sentence.
 */
import { LEFT_OUT } from '../../../contract/aggregation/tile-message.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { formatDuration } from '../../../contract/std/duration.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import { takesBack } from '../../../contract/stream-source.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { countingViews, eventView, messageTable, progressSelect, tableSql } from './event-sql.ts';
import { flinkName, flinkText } from './expression-sql.ts';
import { tileColumns } from './tile-sql.ts';

interface TileJob {
  /** That the tiles go to. */
  readonly topic: string;
  readonly brokers: readonly string[];
  /** Events appended up to and including it count however late they were. */
  readonly horizonUs: number;
  /** How often Flink makes a checkpoint: tiles come to their readers with one. */
  readonly checkpointMs: number;
}

/** Longer than a checkpoint takes; a broker allows no more unless told so. */
const TRANSACTION_MS = 900_000;
const LEAST_TTL_US = 3_600_000_000;
const MAX_STATEMENT = 200_000;

/** @returns why Flink cannot make the tiles of a view, a sentence each; none: it can */
export function flinkRefusals({ view, parts, columns, features }: TilePlan): string[] {
  const { stream } = view.source;
  const refusals: string[] = [];
  const refuse = (when: boolean, sentence: string): void => {
    if (when) refusals.push(sentence);
  };
  if (stream === undefined) return [`${view.id} is not over a stream: its source has no topic.`];
  refuse(stream.topic === null, `${view.source.name} is a folder, and Flink is given a topic.`);
  refuse(
    stream.format.kind !== 'json',
    `Its messages are ${stream.format.kind}; the statements that are printed read JSON alone.`,
  );
  for (const { name, aggregation } of view.features)
    refuse(
      (aggregation?.sessionUs ?? null) !== null,
      `${name} is over sessions, of which Flink makes no tiles.`,
    );
  const stuck = features.filter((one) => one.parts.some((i) => parts[i]!.slide.kind !== 'slide'));
  for (const { feature } of takesBack(stream) ? stuck : [])
    refuse(
      true,
      `${feature.name} (${feature.aggregation!.function}) cannot be counted backwards, and events may be taken back.`,
    );
  for (const { source, type, countedOnly } of columns)
    refuse(!countedOnly && !isScalar(type), `${source} is ${type.kind}, of which Flink makes no tiles.`);
  const { id } = stream;
  const idType = stream.fields.find(({ name }) => name === id)?.type.kind;
  refuse(idType === 'bytes' || idType === 'float32' || idType === 'float64', `the id ${id} is ${idType}.`);
  return refusals;
}

function isScalar({ kind }: ValueType): boolean {
  return ['bool', 'int32', 'int64', 'float32', 'float64', 'string', 'timestamp'].includes(kind);
}

/**
 * @param plan  of a view that `flinkRefusals` says nothing of
 * @returns     statements, each with a comment before it; between them stands an empty line, within them none
 */
export function tileJobSql(plan: TilePlan, job: TileJob): string {
  const { view } = plan;
  const { source } = view;
  const kafka = { 'properties.bootstrap.servers': job.brokers.join(',') };
  const name = `plumbline-${view.id}-${view.definitionId}`;
  const { judged, counting, once } = countingViews(plan, job.horizonUs);
  const ttlUs = Math.max(LEAST_TTL_US, 2 * view.latenessUs + 2 * view.hopUs);
  const settings = {
    'pipeline.name': name,
    'execution.checkpointing.interval': `${job.checkpointMs} ms`,
    'execution.checkpointing.mode': 'EXACTLY_ONCE',
    'table.exec.state.ttl': `${Math.ceil(ttlUs / 1_000)} ms`,
    'table.exec.mini-batch.enabled': 'true',
    'table.exec.mini-batch.allow-latency': `${Math.min(1_000, job.checkpointMs)} ms`,
    'table.exec.mini-batch.size': '20000',
  };
  const parts: [comment: string, statement: string][] = [
    [
      `Tiles of ${view.id}, definition ${view.definitionId}, for plumb stream --tiles ${job.topic}.\nPrinted by plumb stream sql; Flink 2.2 with the connector of Kafka 4.0. A logic change of the view is another job and another topic.`,
      set('pipeline.name', settings),
    ],
    ['Tiles come to their readers with a checkpoint, each exactly once.', setAll(settings, 'execution.')],
    [
      `A tile that nothing was added to for this long is forgotten: twice the lateness (${formatDuration(view.latenessUs)}), so that no event that counts finds it gone.`,
      setAll(settings, 'table.exec.state'),
    ],
    ['A tile that many events go into is written once.', setAll(settings, 'table.exec.mini')],
    [
      'Messages, each field as its text. There is no watermark: nothing here waits for one, and none drops what is late.',
      messageTable(source, { topic: source.stream!.topic!, kafka }, name),
    ],
    [
      'Fields in their types, times in microseconds. A message with a field that does not fit is no event.',
      eventView(source),
    ],
    [
      `What an event is to the view: by where, keys, values that can be summed, and by when it came; what was appended up to ${formatTimestamp(job.horizonUs)} counts however late it was.`,
      judged,
    ],
    ['Events that count.', counting],
    ['Of events that come twice the first counts.', once],
    [
      'The topic of tiles. A tile is always written whole: the newest state of it holds.',
      tileTable(plan, job, kafka),
    ],
    [
      'How far each partition of the source has come: the watermark of whoever reads the tiles.',
      markTable(job, kafka, name),
    ],
    [
      'The job. Each tile is one group: an event changes one row.',
      `EXECUTE STATEMENT SET BEGIN\n${insertTiles(plan)};\n${insertMarks(plan, job)};\nEND`,
    ],
  ];
  const tooLong = parts.find(([, statement]) => statement.length > MAX_STATEMENT);
  if (tooLong !== undefined) throw new RangeError(`a statement has ${tooLong[1].length} characters`);
  return parts
    .map(
      ([comment, statement]) =>
        `${comment
          .split('\n')
          .map((line) => `-- ${line}\n`)
          .join('')}${statement};\n`,
    )
    .join('\n');
}

function set(name: string, settings: Readonly<Record<string, string>>): string {
  return `SET ${flinkText(name)} = ${flinkText(settings[name]!)}`;
}

function setAll(settings: Readonly<Record<string, string>>, prefix: string): string {
  const names = Object.keys(settings).filter((name) => name.startsWith(prefix));
  return names.map((name) => set(name, settings)).join(';\n');
}

function upsertOptions(
  job: TileJob,
  kafka: Readonly<Record<string, string>>,
  transactions: string,
): Record<string, string> {
  return {
    connector: 'upsert-kafka',
    topic: job.topic,
    ...kafka,
    'key.format': 'json',
    'value.format': 'json',
    'sink.delivery-guarantee': 'exactly-once',
    'sink.transactional-id-prefix': transactions,
    'properties.transaction.timeout.ms': String(TRANSACTION_MS),
  };
}

function idColumns({
  entity,
}: TilePlan): { readonly name: string; readonly type: string; readonly sql: string }[] {
  const keys = entity.joinKeys.map(({ type }, i) => ({
    name: `k${i}`,
    type: type === 'int32' ? 'BIGINT' : 'STRING',
    sql: type === 'int64' ? `CAST(k${i} AS STRING)` : `k${i}`,
  }));
  return [
    ...keys,
    { name: 'edge', type: 'BIGINT', sql: 'edge' },
    { name: 'origin', type: 'BIGINT', sql: 'origin' },
  ];
}

function tileTable(plan: TilePlan, job: TileJob, kafka: Readonly<Record<string, string>>): string {
  const id = idColumns(plan);
  const columns = [
    ...id.map(({ name, type }) => `${name} ${type} NOT NULL`),
    '`view` STRING',
    '`definition` BIGINT',
    ...tileColumns(plan).map(({ name, type }) => `${flinkName(name)} ${type}`),
    `PRIMARY KEY (${id.map(({ name }) => name).join(', ')}) NOT ENFORCED`,
  ];
  const transactions = `plumbline-${plan.view.id}-${plan.view.definitionId}-tile`;
  return tableSql('tile', columns, upsertOptions(job, kafka, transactions));
}

function markTable(job: TileJob, kafka: Readonly<Record<string, string>>, name: string): string {
  const numbers = ['event', 'appended', 'offset', ...LEFT_OUT, 'definition', 'horizon', 'hold'];
  const columns = [
    'mark BIGINT NOT NULL',
    '`view` STRING',
    ...numbers.map((column) => `${flinkName(column)} BIGINT`),
    'PRIMARY KEY (mark) NOT ENFORCED',
  ];
  return tableSql('mark', columns, upsertOptions(job, kafka, `${name}-mark`));
}

function insertTiles(plan: TilePlan): string {
  const { view, entity, hopUs } = plan;
  const keys = entity.joinKeys.map((_, i) => `k${i}`);
  const groups = [...keys, 'edge', 'origin'];
  const columns = [
    ...idColumns(plan).map(({ sql }) => sql),
    flinkText(view.id),
    `CAST(${view.definitionId} AS BIGINT)`,
    ...tileColumns(plan).map(({ name, sql }) => `${sql} AS ${flinkName(name)}`),
  ];
  return `INSERT INTO tile SELECT\n  ${columns.join(',\n  ')}
FROM (SELECT *, (t / ${hopUs} + 1) * ${hopUs} AS edge FROM once)
GROUP BY ${groups.join(', ')}`;
}

function insertMarks({ view }: TilePlan, { horizonUs, checkpointMs }: TileJob): string {
  const constants = [view.definitionId, horizonUs, 2 * checkpointMs].map(
    (value) => `CAST(${value} AS BIGINT)`,
  );
  return `INSERT INTO mark SELECT mark, ${flinkText(view.id)}, event, appended, \`offset\`, ${LEFT_OUT.join(', ')}, ${constants.join(', ')}
FROM (\n${progressSelect(view.source)}\n)`;
}
