/** `log cat`: the served requests of a spool as JSON objects, with the values that were answered. */
import { loadBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import { readServedLog } from '../../contract/wire/log/served-log.ts';
import { decodeServed } from '../../contract/served-values.ts';
import type { DecodedInput } from '../../contract/served-computed.ts';
import type { DecodedRow, DecodedVector } from '../../contract/served-values.ts';
import { ROW_SOURCES, STATUSES, UNAVAILABLE, UNAVAILABLE_REASONS } from '../../contract/status.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { definitionName, readHeader } from '../../contract/wire/online/row-header.ts';
import type { ServedRecord } from '../../contract/wire/log/served-record.ts';
import type { SpoolGap } from '../../contract/wire/log/spool-item.ts';

interface CatOptions {
  readonly spool: string;
  readonly bundles: string;
  /** Gets a line for each gap and for each bundle that cannot be loaded; reading goes on. */
  readonly warn?: (line: string) => void;
}

/** @returns the served requests in the order they were logged */
export async function* catLog(options: CatOptions): AsyncGenerator<object> {
  const warn = options.warn ?? ((): void => {});
  const bundles = new Map<string, Bundle | null>();
  for (const item of readServedLog(options.spool)) {
    if (item.kind === 'gap') warn(gapText(item.gap));
    if (item.kind !== 'served') continue;
    const { bundle: hash } = item.record;
    if (!bundles.has(hash)) bundles.set(hash, tryLoad(options.bundles, hash, warn));
    yield catRecord(item.record, bundles.get(hash)!);
  }
}

/** Rows of a bundle that is gone are still listed, only without their values. */
function tryLoad(folder: string, hash: string, warn: (line: string) => void): Bundle | null {
  try {
    return loadBundle(folder, hash);
  } catch (error) {
    warn(`values under bundle ${hash} cannot be shown: ${(error as Error).message}`);
    return null;
  }
}

function catRecord(record: ServedRecord, bundle: Bundle | null): object {
  const { requestId, pod, epoch, sequence, servedUs, service, serviceVersion } = record;
  const vectors =
    bundle === null
      ? record.vectors.map((vector) => undecoded(record, vector.keys, vector.rows))
      : decodeServed(bundle, record).map((vector, r) => catVector(record, vector, r));
  const requestUs = record.requestUs === 0 ? servedUs : record.requestUs;
  return {
    requestId,
    pod,
    epoch,
    sequence,
    servedAt: formatTimestamp(servedUs),
    service,
    serviceVersion,
    bundle: record.bundle,
    vectors,
    ...(record.onDemand.length === 0 ? {} : { requestTime: formatTimestamp(requestUs) }),
  };
}

function catVector(record: ServedRecord, vector: DecodedVector, r: number): object {
  const features: Record<string, Json> = {};
  const statuses: Record<string, string> = {};
  const withheld: Record<string, string> = {};
  for (const { name, definition, value, status, withheld: policy } of vector.features) {
    if (policy !== null) withheld[name] = policy;
    features[name] = definition === null ? null : valueToJson(definition.type, value);
    statuses[name] = STATUSES[status] ?? String(status);
  }
  for (const { name, withheld: policy } of vector.inputs) if (policy !== null) withheld[name] = policy;
  const entities = record.keyNames.map((name, i) => {
    const value = vector.entities[i] ?? null;
    return [name, typeof value === 'bigint' ? value.toString() : value];
  });
  const views = vector.rows.map((row) => [row.logged.role, catRow(row)]);
  return {
    entities: Object.fromEntries(entities),
    features,
    statuses,
    views: Object.fromEntries(views),
    ...catComputed(record, vector, r),
    ...(Object.keys(withheld).length === 0 ? {} : { withheld }),
  };
}

/** What on-demand views took and gave, before fallbacks. */
function catComputed(record: ServedRecord, { inputs, outputs }: DecodedVector, r: number): object {
  if (record.onDemand.length === 0) return {};
  const { outputStatuses } = record.vectors[r]!;
  const shown = ({ name, type, value }: DecodedInput): [string, Json] => [
    name,
    type === null ? null : valueToJson(type, value),
  ];
  const statuses = record.onDemand.map(({ role, view, definitionId }, i) => {
    const status = STATUSES[outputStatuses[i] ?? UNAVAILABLE]!;
    return [role, { view, status, definitionId: definitionName(definitionId) }];
  });
  return {
    inputs: Object.fromEntries(inputs.map(shown)),
    outputs: Object.fromEntries(outputs.map(shown)),
    outputStatuses: Object.fromEntries(statuses),
  };
}

function undecoded(
  record: ServedRecord,
  keys: readonly (string | null)[],
  rows: ServedRecord['vectors'][number]['rows'],
): object {
  const entities = Object.fromEntries(record.keyNames.map((name, i) => [name, keys[i] ?? null]));
  const views = rows.map((logged) => [
    logged.role,
    catRow({ logged, header: logged.row === null ? null : readHeader(logged.row), fault: null }),
  ]);
  return { entities, features: {}, statuses: {}, views: Object.fromEntries(views) };
}

function catRow({ logged, header, fault }: DecodedRow): object {
  return {
    view: logged.view,
    status: STATUSES[logged.status] ?? String(logged.status),
    ...(logged.reason === 0 ? {} : { reason: UNAVAILABLE_REASONS[logged.reason] ?? String(logged.reason) }),
    source: ROW_SOURCES[logged.source] ?? String(logged.source),
    fetchedAt: timeOrNull(logged.fetchedUs),
    watermark: timeOrNull(logged.watermarkUs),
    eventTime: header === null ? null : formatTimestamp(header.eventUs),
    createdTime: header === null ? null : timeOrNull(header.createdUs),
    writtenTime: header === null ? null : formatTimestamp(header.writtenMs * 1_000),
    definitionId: header === null ? null : definitionName(header.definitionId),
    ...(logged.masked ? { masked: true } : {}),
    ...(fault === null ? {} : { fault }),
  };
}

function timeOrNull(us: number): string | null {
  return us === 0 ? null : formatTimestamp(us);
}

/** A gap as one sentence. */
export function gapText({ segment, offset, bytes, fromSequence, toSequence, reason }: SpoolGap): string {
  const numbers =
    fromSequence === null
      ? 'no record is known to be missing'
      : fromSequence === toSequence
        ? `record ${fromSequence} is missing`
        : `records ${fromSequence} to ${toSequence ?? 'the end'} are missing`;
  return `gap in ${segment} at ${offset} (${bytes} bytes, ${reason}): ${numbers}`;
}
