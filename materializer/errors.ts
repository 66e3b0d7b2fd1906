/** The materializer's table of errors. Documented in docs/errors.md. */
import type { ErrorEntry } from '../contract/std/coded-error.ts';
import { errorsOf } from '../contract/std/coded-error.ts';

export const MATERIALIZER_ERRORS = {
  MAT_ABSENT: {
    message:
      'A whole snapshot lacks more entities than `materialize.maxAbsentShare` allows; nothing was written.',
    help: 'Look whether the load of the source broke off. Where the entities are gone, run once with a larger share.',
    kind: 'check-failed',
  },
  MAT_ACCOUNT: {
    message:
      'The events that a backfill counted and left out are not those that it read; nothing was written.',
    help: 'Run again when nothing writes into the source.',
    kind: 'failed',
  },
  MAT_AGGREGATION: {
    message: 'An aggregation cannot be computed: the function is not there yet, or does not fit its column.',
    help: 'Choose another aggregation, or a column of a type that it takes.',
    kind: 'usage',
  },
  MAT_SOURCE: {
    message: 'A source lacks a column that its view needs, or the column has a type that does not fit.',
    help: 'Compare the source with the definition of the view and fix one of them.',
    kind: 'failed',
  },
  MAT_RANGE: {
    message: 'The range to compute is empty or lies past the cut-off.',
    help: 'Give --from before --to, and both before now.',
    kind: 'usage',
  },
  MAT_OVERFLOW: {
    message: 'An aggregate does not fit its type: nothing was written.',
    help: 'Look for absurd values in the column, lower the scale of the feature, or give it a wider type.',
    kind: 'failed',
  },
  MAT_CREATED_TIME: {
    message: 'The clock is not past the created time of rows that the run would correct.',
    help: 'Set the clock right and run again; nothing was written.',
    kind: 'failed',
  },
  MAT_UNKNOWN_VIEW: {
    message: 'A feature view of that name is not applied.',
    help: 'Run `plumb show` for the names there are, and `plumb apply` if it was defined since.',
    kind: 'usage',
  },
  MAT_BUSY: {
    message: 'Another run of the same view is under way.',
    help:
      'Wait until it has ended and run again. A run whose process died holds nothing up on its own machine, and ' +
      'one on another machine for a minute.',
    kind: 'failed',
  },
  MAT_CONFLICT: {
    message:
      'Another run of the view has committed rows that this run computed from the history before them.',
    help: 'Run again: the next run reads what was committed. Nothing of this one is in the history.',
    kind: 'failed',
  },
  MAT_LEASE: {
    message:
      'A run or a stream was held up so long that another one has taken its view over, or a partition.',
    help: 'Nothing of it is in the history since: the other one, or the next one, does its work.',
    kind: 'failed',
  },
  MAT_HISTORY: {
    message: 'The folder of the history cannot be made or written.',
    help: 'Check the setting `history`, its permissions and the space left.',
    kind: 'failed',
  },
  MAT_ONLINE: {
    message: 'The online store cannot be reached, or refuses what is written.',
    help: 'Check the setting `online` and the store; a run may be repeated at any time.',
    kind: 'failed',
  },
  MAT_EVICTED: {
    message: 'The online store evicts rows faster than a full pass an hour writes them again.',
    help: 'Give it more memory, and set maxmemory-policy to noeviction; rows that are gone are UNAVAILABLE.',
    kind: 'failed',
  },
  MAT_REJECTED: {
    message:
      'More rows were rejected than `materialize.maxRejectedShare` allows; nothing was written online.',
    help: 'Look at the reject file, fix the source, and run again.',
    kind: 'check-failed',
  },
  MAT_FEATURE: {
    message: 'A backfill of single features does not fit the view or what its history holds.',
    help: 'Run `plumb backfill --view VIEW` without --feature: it computes all features of the view.',
    kind: 'usage',
  },
  MAT_GATE: {
    message: 'An option of a gate does not fit.',
    help: 'Give durations such as 10m, and shares such as 95%.',
    kind: 'usage',
  },
  MAT_SCHEDULE: {
    message: 'No view that is to be run by its schedule has one.',
    help: 'Give the views a `schedule` such as 1h and apply, or run without --daemon.',
    kind: 'usage',
  },
  MAT_SHARD: {
    message: 'The part of a view that a run is to write is none.',
    help: 'Start n runs with --shard 1/n to --shard n/n, and the same --to where it is given.',
    kind: 'usage',
  },
  MAT_STOPPED: {
    message: 'A run was asked to stop before it had ended.',
    help: 'Run again: neither bookmark nor watermark was moved, and the next run does all of it.',
    kind: 'failed',
  },
  MAT_TOO_LATE: {
    message:
      'More of the new events came too late than `materialize.maxLateShare` allows; nothing was written.',
    help: 'Give the view the lateness that is named and run again; or run once with --full, which takes all there is.',
    kind: 'check-failed',
  },
  MAT_NOT_LIVE: {
    message: 'The archive of served vectors does not say which entities are live.',
    help: 'Run `plumb monitor ingest`; keys that the log hashes or drops cannot be looked up.',
    kind: 'not-enough-data',
  },
  MAT_NULL_SHARE: {
    message: 'A feature has more nulls than its check `maxNullShare` allows; nothing was written online.',
    help: 'Fix the source or the check, and run again.',
    kind: 'check-failed',
  },
  MAT_STREAM_NONE: {
    message: 'No aggregated view that is applied is over a stream, or none over the one that is named.',
    help: 'Give a view a source with `stream` and apply, or see `plumb show` for the names there are.',
    kind: 'usage',
  },
  MAT_STREAM_SOURCE: {
    message: 'The messages of a stream cannot be read, or its archive holds those of another source.',
    help: 'Check what the source says of its folder, topic and archive.',
    kind: 'failed',
  },
  MAT_STREAM_SQL: {
    message: 'Another engine cannot make the tiles of a view as `plumb stream` does.',
    help: 'Leave the view to `plumb stream` or `plumb materialize`, or give what is named a view of its own.',
    kind: 'usage',
  },
  MAT_STREAM_REJECTED: {
    message: 'More messages could not be read within a minute than `stream.maxRejected` allows.',
    help: 'Look at the file of rejects; most often the fields of the source are not those of its messages.',
    kind: 'check-failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export const materializerError = errorsOf(MATERIALIZER_ERRORS);
