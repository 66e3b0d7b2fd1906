/**
 * The header `traceparent` of W3C's Trace Context: which trace a request belongs to, and which span asked.
 *
 *   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *   version, trace id, id of the caller's span, flags: the last bit says that the caller records the trace
 */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Of the caller's span; 16 hex digits. */
  readonly parentId: string;
  readonly isSampled: boolean;
}

/** A later version may have more behind the flags. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?=$|-)/;
const FIRST_VERSION = '00';
const FIRST_VERSION_LENGTH = 55;

/** @returns null: the header is none, and counts as if it had not been sent */
export function parseTraceparent(text: string): TraceContext | null {
  const match = TRACEPARENT.exec(text);
  if (match === null || (text.startsWith(FIRST_VERSION) && text.length > FIRST_VERSION_LENGTH)) return null;
  const [, traceId, parentId, flags] = match;
  return { traceId: traceId!, parentId: parentId!, isSampled: (parseInt(flags!, 16) & 1) === 1 };
}
