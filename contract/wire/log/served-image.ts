/**
 * Parts of a record that are encoded once and copied into many: the message of a vector whose rows are logged again,
 * and the fields that all requests of a service have in common. Called by the sidecar's vector log.
 */
import type { ReadyBytes } from './ready-bytes.ts';
import { RecordEncoder } from './served-encoder.ts';
import type { ServedRequest, ServedVector } from './served-record.ts';

/** Without pod and epoch: it only makes images, which are the same in every record. */
const imageEncoder = new RecordEncoder('', 0n);

/**
 * A vector's message, to be given as its `image` where the same rows are logged often: the record then copies it with
 * one call instead of writing ten fields a row, and knows its CRC.
 */
export function encodeServedVector(vector: ServedVector): ReadyBytes {
  return imageEncoder.vectorImage(vector);
}

/**
 * What all requests of a service on a surface have in common in the log, to be given as their `head`: their record
 * then copies it with one call. The request needs one vector at least, for the names of its views.
 */
export function encodeServedHead(request: ServedRequest): ReadyBytes {
  return imageEncoder.headImage(request);
}
