/**
 * Decodes the records of `served.proto` with protobufjs from the published file itself, so that other readers of the
 * topic see the same. About 6 us for a record of 3 rows (benchmarks/micro/vector-log-bench.ts). Called by `log cat`,
 * the walk of a spool (heartbeats and parts only) and the monitor.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { contentOf } from './record-content.ts';
import type { Heartbeat, LoggedVector, LogRecord, RecordOrigin, ServedRecord } from './served-record.ts';

interface RawVector {
  keys?: string[];
  nullKeys?: number[];
  rows?: RawRow[];
  inputs?: Buffer;
  outputs?: Buffer;
  outputStatuses?: number[];
  inputHmacs?: Buffer[];
  outputHmacs?: Buffer[];
}

interface RawRow {
  status?: number;
  source?: number;
  fetchedUs?: Wide;
  watermarkUs?: Wide;
  row?: Buffer;
  hmacs?: Buffer[];
  reason?: number;
}

interface RawServed {
  requestId?: string;
  servedUs?: Wide;
  surface?: number;
  service?: string;
  serviceVersion?: number;
  bundle?: string;
  keyNames?: string[];
  features?: string[];
  views?: { role?: string; view?: string; masked?: boolean }[];
  vectors?: RawVector[];
  answer?: Buffer;
  inputNames?: string[];
  requestUs?: Wide;
  keyPolicies?: number[];
  hmacKeyId?: string;
  inputPolicies?: number[];
  onDemand?: { role?: string; view?: string; definitionId?: number; outputPolicies?: number[] }[];
}

interface RawHeartbeat {
  atUs?: Wide;
  highestSequence?: Wide;
  served?: Wide;
  shed?: Wide;
  clockOffsetUs?: Wide;
  bundle?: string;
  version?: string;
  engine?: string;
  ranges?: { fromSequence?: Wide; toSequence?: Wide; reason?: number }[];
}

interface RawRecord {
  version?: number;
  pod?: string;
  epoch?: { low: number; high: number };
  sequence?: Wide;
  part?: number;
  parts?: number;
  chunk?: Buffer;
  served?: RawServed;
  heartbeat?: RawHeartbeat;
  last?: RawHeartbeat;
}

/** 64 bits as protobufjs gives them: a Long, or the number 0 of a default. */
type Wide = number | { toNumber(): number };

/** The published schema, which stands beside this file, in the source tree as in the package. */
export const servedProto = (): string => readFileSync(join(import.meta.dirname, 'served.proto'), 'utf8');

let recordType: protobuf.Type | null = null;

function typeOfRecord(): protobuf.Type {
  recordType ??= protobuf.parse(servedProto()).root.lookupType('plumbline.served.v1.Record');
  return recordType;
}

/**
 * @param payload  of one frame, or the chunks of all parts of one record; it is copied, the buffers of the record are
 *                 the caller's
 * @throws         TypeError when it is no record that this build reads (record-content.ts)
 */
export function decodeRecord(payload: Buffer): LogRecord {
  if (contentOf(payload, 0, payload.length) === null) {
    throw new TypeError('the frame holds no record, one that no sidecar writes, or one of a later version');
  }
  let raw: RawRecord;
  try {
    raw = typeOfRecord().decode(Buffer.from(payload)) as unknown as RawRecord;
  } catch (error) {
    throw new TypeError(`the frame holds no record: ${(error as Error).message}`, { cause: error });
  }
  const origin = {
    pod: raw.pod ?? '',
    epoch: hexOf(raw.epoch),
    sequence: whole(raw.sequence),
    part: raw.part ?? 0,
    parts: raw.parts ?? 0,
  };
  if (has(raw, 'served')) return { kind: 'served', record: servedOf(raw.served!, origin) };
  if (has(raw, 'heartbeat')) return { kind: 'heartbeat', origin, heartbeat: heartbeatOf(raw.heartbeat!) };
  if (has(raw, 'last')) return { kind: 'last', origin, heartbeat: heartbeatOf(raw.last!) };
  if (has(raw, 'chunk')) return { kind: 'part', origin, chunk: raw.chunk! };
  throw new TypeError('the record has no content that this build knows');
}

function servedOf(raw: RawServed, origin: RecordOrigin): ServedRecord {
  const views = raw.views ?? [];
  return {
    ...origin,
    requestId: raw.requestId ?? '',
    servedUs: whole(raw.servedUs),
    surface: raw.surface ?? 0,
    service: raw.service ?? '',
    serviceVersion: raw.serviceVersion ?? 0,
    bundle: raw.bundle ?? '',
    keyNames: raw.keyNames ?? [],
    features: raw.features ?? [],
    vectors: (raw.vectors ?? []).map((vector) => vectorOf(vector, views)),
    answer: has(raw, 'answer') ? raw.answer! : null,
    inputNames: raw.inputNames ?? [],
    requestUs: whole(raw.requestUs),
    keyPolicies: raw.keyPolicies ?? [],
    hmacKeyId: raw.hmacKeyId ?? '',
    inputPolicies: raw.inputPolicies ?? [],
    onDemand: (raw.onDemand ?? []).map((view) => ({
      role: view.role ?? '',
      view: view.view ?? '',
      definitionId: view.definitionId ?? 0,
      outputPolicies: view.outputPolicies ?? [],
    })),
  };
}

function vectorOf(raw: RawVector, views: NonNullable<RawServed['views']>): LoggedVector {
  const rows = raw.rows ?? [];
  const keys: (string | null)[] = [...(raw.keys ?? [])];
  for (const i of raw.nullKeys ?? []) keys[i] = null;
  return {
    keys,
    rows: rows.map((row, i) => ({
      role: views[i]!.role ?? '',
      view: views[i]!.view ?? '',
      status: row.status ?? 0,
      source: row.source ?? 0,
      fetchedUs: whole(row.fetchedUs),
      watermarkUs: whole(row.watermarkUs),
      row: has(row, 'row') ? row.row! : null,
      masked: views[i]!.masked ?? false,
      hmacs: row.hmacs ?? [],
      reason: row.reason ?? 0,
    })),
    inputs: has(raw, 'inputs') ? raw.inputs! : null,
    outputs: has(raw, 'outputs') ? raw.outputs! : null,
    outputStatuses: raw.outputStatuses ?? [],
    inputHmacs: raw.inputHmacs ?? [],
    outputHmacs: raw.outputHmacs ?? [],
  };
}

function heartbeatOf(raw: RawHeartbeat): Heartbeat {
  return {
    atUs: whole(raw.atUs),
    highestSequence: whole(raw.highestSequence),
    served: whole(raw.served),
    shed: whole(raw.shed),
    clockOffsetUs: whole(raw.clockOffsetUs),
    bundle: raw.bundle ?? '',
    version: raw.version ?? '',
    engine: raw.engine ?? '',
    ranges: (raw.ranges ?? []).map((range) => ({
      fromSequence: whole(range.fromSequence),
      toSequence: whole(range.toSequence),
      reason: range.reason ?? 0,
    })),
  };
}

/** Decoded messages carry defaults on their prototype: only what was in the bytes is their own. */
function has(message: object, field: string): boolean {
  return Object.hasOwn(message, field);
}

function whole(value: Wide | undefined): number {
  return value === undefined ? 0 : typeof value === 'number' ? value : value.toNumber();
}

function hexOf(epoch: { low: number; high: number } | undefined): string {
  if (epoch === undefined || typeof epoch === 'number') return '0'.repeat(16);
  return hex8(epoch.high) + hex8(epoch.low);
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
