/** The error of all who read or write the archive; it stands in the monitor's table, which writes it. */
import type { ErrorEntry } from '../../contract/std/coded-error.ts';
import { errorsOf } from '../../contract/std/coded-error.ts';

export const ARCHIVE_ERRORS = {
  MON_SERVED: {
    message: 'The ingested vector log cannot be read or written, or a file of it is missing.',
    help: 'Check the folder of the setting `served`, its permissions and the space left. To ingest anew what the log still holds, move the folder away.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export const archiveError = errorsOf(ARCHIVE_ERRORS);
