/** The table of errors of training sets. Documented in docs/errors.md. */
import type { ErrorEntry } from '../contract/std/coded-error.ts';
import { errorsOf } from '../contract/std/coded-error.ts';

export const TRAINING_ERRORS = {
  TRAIN_LABELS: {
    message: 'The labels cannot be read, or lack a column, or a key or time in them does not fit.',
    help: 'Give a Parquet or CSV file with the join keys of the service and event_timestamp, one row a label.',
    kind: 'usage',
  },
  TRAIN_UNJUDGED: {
    message:
      "With --strict: labels lie past a view's history watermark, so that their values are not known yet.",
    help: 'Run `plumb materialize` up to the labels, leave those labels out, or train without --strict.',
    kind: 'not-enough-data',
  },
  TRAIN_COLD: {
    message:
      'With --cap-to-warm: a feature of the service is not warm online yet, or all labels are from before.',
    help: 'Run `plumb materialize` and wait until windows are full, or train without --cap-to-warm.',
    kind: 'not-enough-data',
  },
  TRAIN_NO_LOG: {
    message: 'The archive has no vector of the service.',
    help: 'Run `plumb monitor ingest`, which makes the archive of the vector log; train from the history without --from-log.',
    kind: 'not-enough-data',
  },
  TRAIN_LOG: {
    message: 'The archive of the vector log cannot be read.',
    help: 'Check the folder of the setting `served` and its permissions.',
    kind: 'failed',
  },
  TRAIN_GAPS: {
    message: 'The log lacks records of the days on which the labels look for their vectors.',
    help: 'Leave the labels of these days out, look less far back with --within, or take the days as they are: --allow-gaps.',
    kind: 'check-failed',
  },
  TRAIN_MASKED: {
    message: 'Definitions keep a feature or ids out of the log that the training set needs of it.',
    help: 'Give --without-masked to go without these features, or train from the history.',
    kind: 'usage',
  },
  TRAIN_FORMAT: {
    message: 'Labels and training sets are Parquet or CSV, told by the ending of their names.',
    help: 'Name the file with .parquet or .csv at its end.',
    kind: 'usage',
  },
  TRAIN_PLACE: {
    message:
      'A training set would take the place of its own labels, or is to lie elsewhere than on this machine.',
    help: 'Name another file as --out.',
    kind: 'usage',
  },
  TRAIN_OUT: {
    message: 'The training set cannot be written.',
    help: 'Check the folder, its permissions and the space left.',
    kind: 'failed',
  },
  TRAIN_MANIFEST: {
    message: 'The training set is written, but the registry could not keep its manifest.',
    help: 'Mend what the message says of the registry, and run the command again.',
    kind: 'failed',
  },
  TRAIN_AGAIN: {
    message:
      'The training set cannot be made again to the byte; what has changed is named, and nothing was written.',
    help: 'Put back what is gone, or make a new set with `plumb train`.',
    kind: 'check-failed',
  },
  TRAIN_STREAM: {
    message: 'What came on stdin is no whole Arrow stream, or a batch of it cannot be read.',
    help: 'Write it with an Arrow library, such as `pyarrow.ipc.new_stream`, uncompressed, and close it.',
    kind: 'failed',
  },
  TRAIN_COLUMNS: {
    message:
      "The columns of the Arrow stream are not what the view's function takes, or a value in them is not.",
    help: 'Give each argument of the function as a column of its name and type; `plumb show VIEW` has them.',
    kind: 'usage',
  },
  TRAIN_UNKNOWN: {
    message: 'The registry has no manifest of a training set of that name.',
    help: '`plumb training show` lists those it has.',
    kind: 'usage',
  },
} as const satisfies Record<string, ErrorEntry>;

export const trainingError = errorsOf(TRAINING_ERRORS);
