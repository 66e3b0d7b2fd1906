/**
 * Records that Kafka will never take. Each is kept beside the spool in a file with the reason, so that it neither stops
 * the others nor is lost.
 *
 *   {spool}/rejected/{epoch}-{sequence}-{offset}.json       mode 0600
 *   {"key":"pod/epoch","reason":"MESSAGE_TOO_LARGE","rejectedAt":"...","segment":"...","sequence":5,"topic":"...",
 *    "value":"base64 of the record's bytes"}
 *
 * Called by shipper.ts.
 */
import { join } from 'node:path';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { SpooledRecord } from './spool-tail.ts';
import { REJECTED_FOLDER } from '../spool/spool-folder.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

/** Durable when it returns; a second call for a record replaces its file. @throws the file system's error */
export function keepRejected(
  spool: string,
  record: SpooledRecord,
  why: { readonly topic: string; readonly reason: string; readonly atUs: number },
): void {
  const folder = join(spool, REJECTED_FOLDER);
  makeFolder(folder, 0o700);
  const { epoch, sequence, segment, offset, key, value } = record;
  const kept = {
    key: key.toString('utf8'),
    reason: why.reason,
    rejectedAt: formatTimestamp(why.atUs),
    segment,
    sequence,
    topic: why.topic,
    value: value.toString('base64'),
  };
  writeDurably(join(folder, `${epoch}-${sequence}-${offset}.json`), `${canonicalJson(kept)}\n`, 0o600);
}
