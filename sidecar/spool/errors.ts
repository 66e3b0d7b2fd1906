/** The vector log's part of the sidecar's table of errors. Documented in docs/errors.md. */
import { errorsOf } from '../../contract/std/coded-error.ts';
import type { ErrorEntry } from '../../contract/std/coded-error.ts';

export const LOG_ERRORS = {
  LOG_FOLDER: {
    message: 'The spool folder cannot be created, read or written.',
    help: 'Check that the path of `log.spool` exists and that this user may write there.',
    kind: 'failed',
  },
  LOG_LOCKED: {
    message: 'Another sidecar writes this spool; two in one folder would lose vectors.',
    help: 'Stop the other one, or give each sidecar its own `log.spool`.',
    kind: 'failed',
  },
  LOG_LOST: {
    message: 'The sidecar has ended, and its disk did not keep all of the vector log.',
    help: 'Look after the disk of `log.spool`: free space, or replace it. `plumb log verify` says what is missing.',
    kind: 'failed',
  },
  LOG_NO_KAFKA: {
    message: 'There is nowhere to ship the vector log to: `log.kafka` is not set.',
    help: 'Set log.kafka in plumbline.yaml, e.g. kafka: { brokers: ["k1:9092"] }.',
    kind: 'usage',
  },
  LOG_KAFKA: {
    message: 'Kafka did not take what is left of the vector log; it stays in the spool.',
    help: 'Check the brokers, the topic and the login of `log.kafka`, then run `plumb log ship` again.',
    kind: 'failed',
  },
  LOG_HMAC_KEY: {
    message: 'A definition asks for HMACs in the vector log, and there is no secret to make them with.',
    help: 'Set log.hmacKey: { id, file } to a file with at least 16 random bytes, or change the log policy.',
    kind: 'usage',
  },
  LOG_CURSOR: {
    message: 'The cursor of a consumer of the spool cannot be read or written.',
    help: 'Remove the named cursor file to read the spool from its beginning; duplicates are recognised later.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export const logError = errorsOf(LOG_ERRORS);

/** What may pass by itself; anything else (no permission, no folder) is a mistake of the set-up. */
export function isDiskTrouble(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}
