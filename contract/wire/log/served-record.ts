/**
 * The record of a served request: what the sidecar logs and the monitor reads. One Protocol Buffers message a
 * request; `served.proto` beside this file is its published form.
 *
 *   ServedRequest --RecordEncoder (served-encoder.ts)--> frames --decodeRecord (served-decoder.ts)--> LogRecord
 */
import type { ReadyBytes } from './ready-bytes.ts';

/** One view's row of one vector, as it was served. */
export interface ServedRow {
  /** The view's name in the service, or the role's. */
  role: string;
  /** The view's id. */
  view: string;
  /** The row's code of `contract/status.ts`: PRESENT, MISSING, OUTSIDE_TTL or UNAVAILABLE; NULL is for values alone. */
  status: number;
  /** Index into ROW_SOURCES. */
  source: number;
  /** When the sidecar read the row from the store, microseconds; 0 when it never did. */
  fetchedUs: number;
  /** The view's online watermark that was read before the row; 0: there was none. */
  watermarkUs: number;
  /**
   * The exact stored bytes, header included, or as far as the log may hold them; null where there was no row. As text
   * they are one character a byte (Latin-1).
   */
  row: Buffer | string | null;
  /** Whether the row was re-encoded, nil where a feature's log policy is hmac or drop. */
  masked?: boolean;
  /** In a masked row the HMAC of each feature whose policy is hmac, in the order of the row's definition. */
  hmacs?: readonly Buffer[];
  /** Why the row is UNAVAILABLE: a code of `contract/status.ts`. Not looked at in any other row. */
  reason?: number;
}

/** One entity row of the answer. */
export interface ServedVector {
  /** For each request key of the service the canonical part of the id (`entity-key.ts`); null for a null key. */
  keys: (string | null)[];
  /** In the order of the service's views. */
  rows: ServedRow[];
  /**
   * The vector's message as `encodeServedVector` makes it, where the same rows are logged again and again; keys and
   * rows are then empty. Beside `computed` it is what stands in the message, behind tag and length.
   */
  image?: ReadyBytes;
  /** Where on-demand views were computed: fields 4 to 8 of the message, as computed-fields.ts makes them. */
  computed?: ByteRange;
}

/** A part of a buffer, `to` not included. */
export interface ByteRange {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

/** An on-demand view as the log names it. */
export interface ServedOnDemand {
  /** What stands before `__` in full names. */
  readonly role: string;
  readonly view: string;
  readonly definitionId: number;
  /** For each feature that the service lists of it, in its order, an index into LOG_POLICIES; empty: all raw. */
  readonly outputPolicies: readonly number[];
}

export const SURFACES = ['native', 'feast', 'oip', 'get', 'oip-grpc', 'feast-grpc'] as const;
/** Indexes of those that answer tensors, which hold every number in a type of their own. */
export const TENSOR_SURFACES: readonly number[] = [SURFACES.indexOf('oip'), SURFACES.indexOf('oip-grpc')];

export interface ServedRequest {
  requestId: string;
  servedUs: number;
  /** Index into SURFACES. */
  surface: number;
  /** Empty when the request named single features (Feast's surface allows that). */
  service: string;
  serviceVersion: number;
  bundle: string;
  /** Names of the request keys, in the order of `ServedVector.keys`. */
  keyNames: readonly string[];
  /** Full names in order when the request named single features, else empty: the service's own list holds. */
  features: readonly string[];
  vectors: readonly ServedVector[];
  /**
   * All fields before the vectors but id and time, as `encodeServedHead` makes them, when they are logged repeatedly.
   */
  head?: ReadyBytes;
  /** The answer's bytes where they are logged or may be, else null. */
  answer: Buffer | null;
  /** Whether the answer is logged for only one request in 1,000, by a hash of its id. */
  isSampled?: boolean;
  /** For each key name an index into LOG_POLICIES, when not all ids are raw. */
  keyPolicies?: readonly number[];
  /** Which secret made the HMACs of this record; empty: none did. */
  hmacKeyId?: string;
  /** Names of the on-demand inputs, in the order in which each vector has them. */
  inputNames?: readonly string[];
  /** For each input name an index into LOG_POLICIES, when not all are raw. */
  inputPolicies?: readonly number[];
  /** The on-demand views that were computed, each behind those that it uses. */
  onDemand?: readonly ServedOnDemand[];
}

/** Why a request was answered without being logged: the codes in the log. */
export const SHED_UNKNOWN = 0;
export const SHED_SPOOL_FULL = 1;
export const SHED_DISK = 2;
export const SHED_TOO_LARGE = 3;

/** Sequence numbers, both ends included. */
export interface ShedRange {
  readonly fromSequence: number;
  readonly toSequence: number;
  /** One of the codes SHED_... */
  readonly reason: number;
}

export interface Heartbeat {
  readonly atUs: number;
  /** The highest sequence number given so far, the heartbeat's own included. */
  readonly highestSequence: number;
  /** Requests logged since the start. */
  readonly served: number;
  /** Requests answered and not logged since the start. */
  readonly shed: number;
  /** What was shed and stands in no earlier heartbeat. */
  readonly ranges: readonly ShedRange[];
  /** How far the wall clock had moved since the start beyond the time that passed: the sum of its steps. */
  readonly clockOffsetUs: number;
  /** Hash of the bundle in force; empty: none was loaded yet. */
  readonly bundle: string;
  /** Of the sidecar. */
  readonly version: string;
  /** What runs on-demand functions: V8's version and the processor. */
  readonly engine: string;
}

/** Who wrote a record, and where it stands among the records of its epoch. */
export interface RecordOrigin {
  readonly pod: string;
  /** 16 hex digits. */
  readonly epoch: string;
  readonly sequence: number;
  /** Part i of n, from 1; both 0 where the record is whole. */
  readonly part: number;
  readonly parts: number;
}

/** A served request as it was logged, whole. */
export interface ServedRecord extends ServedRequest, RecordOrigin {
  /** Names of the on-demand inputs; what of them and of the outputs was logged stands in each vector. */
  readonly inputNames: readonly string[];
  /** For each input name an index into LOG_POLICIES; empty: all raw. */
  readonly inputPolicies: readonly number[];
  /** The on-demand views that were computed, each behind those that it uses. */
  readonly onDemand: readonly ServedOnDemand[];
  /** The request time that on-demand functions were given; 0: the served time. */
  readonly requestUs: number;
  /** For each key name an index into LOG_POLICIES; empty: all raw. */
  readonly keyPolicies: readonly number[];
  /** Which secret made the HMACs of this record; empty: none did. */
  readonly hmacKeyId: string;
  readonly vectors: readonly LoggedVector[];
}

export interface LoggedVector extends ServedVector {
  rows: LoggedRow[];
  /** MessagePack arrays of the on-demand inputs and outputs; null where there are none. */
  readonly inputs: Buffer | null;
  readonly outputs: Buffer | null;
  /** For each on-demand view of the record its status: PRESENT or UNAVAILABLE. */
  readonly outputStatuses: readonly number[];
  /** Of the inputs and outputs whose policy is hmac, in the order of their arrays. */
  readonly inputHmacs: readonly Buffer[];
  readonly outputHmacs: readonly Buffer[];
}

export interface LoggedRow extends ServedRow {
  readonly row: Buffer | null;
  /** The row was re-encoded with nil where a feature's log policy is hmac or drop. */
  readonly masked: boolean;
  /** In a masked row the HMAC of each feature whose policy is hmac, in the definition's order. */
  readonly hmacs: readonly Buffer[];
  /** 0 where the row is not UNAVAILABLE, or was logged by a sidecar that told no reasons. */
  readonly reason: number;
}

export const LOG_POLICIES = ['raw', 'hmac', 'drop'] as const;
export const LOG_RAW = 0;
export const LOG_HMAC = 1;

/** What one frame holds. `last` closes an epoch. */
export type LogRecord =
  | { readonly kind: 'served'; readonly record: ServedRecord }
  | { readonly kind: 'heartbeat' | 'last'; readonly origin: RecordOrigin; readonly heartbeat: Heartbeat }
  | { readonly kind: 'part'; readonly origin: RecordOrigin; readonly chunk: Buffer };
