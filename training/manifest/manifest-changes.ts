/** What is different between a training set and the same one made again, as far as their manifests tell. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { TrainedSource, TrainingManifest } from '../../contract/training-manifest.ts';

const COUNTED = ['present', 'nulls', 'missing', 'outsideTtl', 'unjudged', 'notFull'] as const;
const LOGGED = ['unavailable', 'noVector', 'lacking', 'undecoded'] as const;

/** @returns a clause for each change, at least one */
export function manifestChanges(before: TrainingManifest, now: TrainingManifest): string[] {
  const changes = [
    ...rowChanges(before, now),
    ...sourceChanges(before, now),
    ...logChanges(before, now),
    ...featureChanges(before, now),
    ...engineChanges(before, now),
  ];
  return changes.length > 0 ? changes : ['its bytes differ, and no count or distribution does'];
}

function rowChanges({ out: a }: TrainingManifest, { out: b }: TrainingManifest): string[] {
  return a.rows === b.rows ? [] : [`it had ${a.rows} rows, and has ${b.rows}`];
}

function sourceChanges({ views }: TrainingManifest, now: TrainingManifest): string[] {
  return views.flatMap(({ role, view, source: a }) => {
    const b = now.views.find((one) => one.role === role)?.source;
    if (a === undefined || b === undefined || sourceText(a) === sourceText(b)) return [];
    return [`the source of ${view} had ${sourceText(a)}, and has ${sourceText(b)}`];
  });
}

function sourceText(source: TrainedSource): string {
  if ('snapshot' in source) return `the snapshot ${source.snapshot}`;
  const { files, bytes, newestMs } = source;
  return `${files} ${files === 1 ? 'file' : 'files'} of ${bytes} bytes, the newest of ${formatTimestamp(Math.floor(newestMs * 1_000))}`;
}

function logChanges({ log: a }: TrainingManifest, { log: b }: TrainingManifest): string[] {
  if (a === undefined || b === undefined) return [];
  return [
    ...(a.labels === b.labels ? [] : [`${a.labels} labels had a vector, and ${b.labels} have`]),
    ...(a.others === b.others ? [] : [`${a.others} other vectors had their requests, and ${b.others} have`]),
  ];
}

function featureChanges(before: TrainingManifest, now: TrainingManifest): string[] {
  const was = new Map(before.features.map((feature) => [feature.name, feature]));
  const is = new Map(now.features.map((feature) => [feature.name, feature]));
  const gone = [...was.keys()].filter((name) => !is.has(name)).map((name) => `${name} is not in it any more`);
  const came = [...is.keys()].filter((name) => !was.has(name)).map((name) => `${name} is new in it`);
  const changed = [...was].flatMap(([name, a]) => {
    const b = is.get(name);
    if (b === undefined) return [];
    const counts = [
      ...COUNTED.map((count) => [count, a[count], b[count]] as const),
      ['failed', a.failed ?? 0, b.failed ?? 0] as const,
      ...LOGGED.map((count) => [count, a.log?.[count] ?? 0, b.log?.[count] ?? 0] as const),
    ];
    const other = counts.filter(([, x, y]) => x !== y).map(([count, x, y]) => `${count} ${x}, now ${y}`);
    if (other.length === 0 && JSON.stringify(a.sketch) !== JSON.stringify(b.sketch))
      other.push('other values');
    return other.length === 0 ? [] : [`${name}: ${other.join(', ')}`];
  });
  return [...gone, ...came, ...changed];
}

function engineChanges({ made: a }: TrainingManifest, { made: b }: TrainingManifest): string[] {
  const names = {
    plumbline: 'plumbline',
    duckdb: 'DuckDB',
    node: 'Node',
    v8: 'V8',
    processor: 'processor',
  } as const;
  return Object.entries(names).flatMap(([key, name]) => {
    const [was, is] = [a[key as keyof typeof names], b[key as keyof typeof names]];
    return was === is ? [] : [`it was made by ${name} ${was}, and this is ${is}`];
  });
}
