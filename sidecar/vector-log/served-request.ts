/**
 * A request in flight as the vector log takes it: its id and time, and for each entity row the bytes that were served.
 *
 * What repeats is made once: the head of a service's records, and the vectors of entities that come from the cache.
 * Called by serve.ts.
 */
import { UNAVAILABLE } from '../../contract/status.ts';
import { idDigest } from '../../contract/log-privacy.ts';
import type { MaskedRow } from '../../contract/log-privacy.ts';
import type { ReadyBytes } from '../../contract/wire/log/ready-bytes.ts';
import { encodeServedHead } from '../../contract/wire/log/served-image.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type {
  ByteRange,
  ServedRequest,
  ServedRow,
  ServedVector,
} from '../../contract/wire/log/served-record.ts';
import type { CachedRow } from '../cache/cached-row.ts';
import { encoderPlan } from '../plan/encoder-plan.ts';
import type { Plan, PlanPrivacy } from '../plan/plan.ts';
import type { ViewPlan } from '../plan/view-plan.ts';
import type { RequestInFlight } from '../request/request-in-flight.ts';
import { computedHead, computedRanges } from './computed-log.ts';
import { keepVector, readyVector } from './ready-vector.ts';

/** By surface, what a service's records have in common, made with the first of them. */
const headsOf = encoderPlan((): (ReadyBytes | undefined)[] => []);
/** The service's own list holds, which the log has by its version. */
const NO_FEATURES: readonly string[] = [];
const NO_POLICIES: readonly number[] = [];
const NO_HMACS: readonly Buffer[] = [];
const NO_KEYS: (string | null)[] = [];
const NO_ROWS: ServedRow[] = [];

/**
 * @param surface  the code of the surface that it came by
 * @param body     the answer's bytes, used until the next call
 */
export function servedRequest(inFlight: RequestInFlight, surface: number, body: Buffer): ServedRequest {
  const { plan, count } = inFlight.request;
  const ranges = inFlight.computed === null ? null : computedRanges(inFlight, inFlight.computed);
  const vectors = [servedVector(inFlight, plan, 0, ranges)];
  for (let r = 1; r < count; r++) vectors.push(servedVector(inFlight, plan, r, ranges));
  const request: ServedRequest = {
    requestId: inFlight.requestId,
    servedUs: inFlight.nowUs,
    surface,
    service: plan.service,
    serviceVersion: plan.version,
    bundle: plan.bundle,
    keyNames: plan.keyNames,
    features: plan.service === '' ? plan.fullNames : NO_FEATURES,
    vectors,
    // An answer holds what the log must not, where anything is marked.
    answer: plan.privacy === null ? body : null,
    isSampled: true,
    keyPolicies: plan.privacy === null ? NO_POLICIES : plan.privacy.keyPolicies,
    hmacKeyId: plan.privacy === null || plan.privacy.hmacKey === null ? '' : plan.privacy.hmacKey.id,
  };
  request.head = headsOf(plan)[surface] ??= makeHead(plan, request);
  return request;
}

/** Keeps what was made for the log and may be used again. To be called once the request is in the log. */
export function keepVectors(inFlight: RequestInFlight, { vectors }: ServedRequest): void {
  const roles = inFlight.request.plan.roleViews.length;
  for (let r = 0; r < vectors.length; r++) {
    if (vectors[r]!.image === undefined) keepVector(inFlight, r * roles, vectors[r]!);
  }
}

function makeHead(plan: Plan, request: ServedRequest): ReadyBytes {
  const rows = plan.roleViews.map((view, role) => absentRow(plan, view, role));
  const computed = plan.onDemand.length === 0 ? {} : computedHead(plan);
  return encodeServedHead({ ...request, ...computed, vectors: [{ keys: [], rows }] });
}

/** @param ranges  what was computed of each row; null: nothing */
function servedVector(
  inFlight: RequestInFlight,
  plan: Plan,
  r: number,
  ranges: readonly ByteRange[] | null,
): ServedVector {
  const roles = plan.roleViews.length;
  const at = r * roles;
  const image = readyVector(inFlight, at);
  const computed = ranges === null ? undefined : ranges[r];
  if (image !== null) return { keys: NO_KEYS, rows: NO_ROWS, image, computed };
  const { parts } = inFlight.request;
  const keys: (string | null)[] = [];
  for (let k = 0; k < parts.length; k++) keys.push(loggedKey(plan.privacy, k, parts[k]![r]!));
  const rows: ServedRow[] = [];
  for (let i = 0; i < roles; i++) rows.push(servedRow(inFlight, plan, at + i, i));
  return { keys, rows, image: undefined, computed };
}

/** @returns how a key's canonical part stands in the log */
function loggedKey(privacy: PlanPrivacy | null, k: number, part: string | null): string | null {
  if (privacy === null || part === null || privacy.keyPolicies.length === 0) return part;
  const policy = privacy.keyPolicies[k]!;
  if (policy === LOG_RAW) return part;
  return policy === LOG_HMAC ? idDigest(privacy.hmacKey!, part) : '';
}

function servedRow(inFlight: RequestInFlight, plan: Plan, at: number, role: number): ServedRow {
  const row = inFlight.rows[at]!;
  const served = absentRow(plan, plan.roleViews[role]!, role);
  served.status = inFlight.statuses[at]!;
  served.source = inFlight.sources[at]!;
  if (served.status === UNAVAILABLE) served.reason = inFlight.reasonOf(at);
  if (row === null) return served;
  const masked = maskedOf(row);
  served.fetchedUs = inFlight.fetchedUsOf(at);
  served.watermarkUs = inFlight.watermarkUsOf(at);
  served.row = masked === null ? row.raw : masked.row;
  if (masked !== null) served.hmacs = masked.hmacs;
  return served;
}

/** @returns a row as far as the log may hold it; null: all of it */
function maskedOf(row: CachedRow): MaskedRow | null {
  const { mask } = row.view;
  if (mask === null || row.raw === null) return null;
  return mask.mask(row.mapping!.schema, Buffer.from(row.raw, 'latin1'));
}

function absentRow(plan: Plan, { id, mask }: ViewPlan, role: number): ServedRow {
  return {
    role: plan.roleNames[role]!,
    view: id,
    status: 0,
    source: 0,
    fetchedUs: 0,
    watermarkUs: 0,
    row: null,
    masked: mask !== null,
    hmacs: NO_HMACS,
    reason: 0,
  };
}
