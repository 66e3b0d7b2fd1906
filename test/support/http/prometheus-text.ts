/** Reads Prometheus text as a scraper does, and finds fault with what one would take in silence. */

export interface Family {
  readonly type: string;
  /** By the whole of its name and labels as written. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE =
  /^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (\S+)$/;

/**
 * @returns families by name
 * @throws  Error for a line that is no sample of the family before it, a name or sample that stands twice, a counter
 *          not called `_total`, a value that is no number, buckets that sink or do not end in the count
 */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let name = '';
  let samples = new Map<string, number>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line has no end');
  for (const line of lines) {
    const head = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (head?.[1] === 'HELP') {
      name = head[2]!;
      if (families.has(name)) throw new Error(`${name} stands twice`);
    } else if (head?.[1] === 'TYPE') {
      if (head[2] !== name) throw new Error(`the type of ${head[2]} stands behind the help of ${name}`);
      samples = new Map();
      families.set(name, { type: head[3]!, samples });
    } else take(line, name, families.get(name)?.type ?? 'none', samples);
  }
  for (const [family, { type, samples: of }] of families) {
    if ((type === 'counter') !== family.endsWith('_total')) throw new Error(`${family} is a ${type}`);
    if (type === 'histogram') checkBuckets(family, of);
  }
  return families;
}

function take(line: string, family: string, type: string, samples: Map<string, number>): void {
  const sample = SAMPLE.exec(line);
  if (sample === null) throw new Error(`no sample: ${line}`);
  const names = (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map(
    (suffix) => family + suffix,
  );
  if (!names.includes(sample[1]!)) throw new Error(`${line} is none of the ${type} ${family}`);
  const key = sample[1]! + (sample[2] ?? '');
  const value = Number(sample[3]);
  if (!Number.isFinite(value)) throw new Error(`no number: ${line}`);
  if (samples.has(key)) throw new Error(`${key} stands twice`);
  samples.set(key, value);
}

function checkBuckets(family: string, samples: ReadonlyMap<string, number>): void {
  let edge = -Infinity;
  let total = 0;
  for (const [key, value] of samples) {
    const bucket = /^(.*)_bucket\{(.*?),?le="([^"]+)"\}$/.exec(key);
    if (bucket === null) continue;
    const le = bucket[3] === '+Inf' ? Infinity : Number(bucket[3]);
    if (le > edge && value < total) throw new Error(`${key} is below the bucket before it`);
    [edge, total] = [le, value];
    const count = samples.get(`${family}_count${bucket[2] === '' ? '' : `{${bucket[2]}}`}`);
    if (le === Infinity && count !== value) throw new Error(`${key} is ${value}, the count ${count}`);
    if (le === Infinity) [edge, total] = [-Infinity, 0];
  }
}
