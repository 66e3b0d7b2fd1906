/** The table of errors of work that Spark does. Documented in docs/errors.md. */
import type { ErrorEntry } from '../../../contract/std/coded-error.ts';
import { errorsOf } from '../../../contract/std/coded-error.ts';

export const SPARK_ERRORS = {
  SPARK_START: {
    message: 'The program that starts Spark cannot be run.',
    help: 'Install Spark 4 (`pip install pyspark` brings `spark-submit`) and Java 17, or name the program by spark.command.',
    kind: 'usage',
  },
  SPARK_FAILED: {
    message: 'Spark could not do its work; the log that is named has all that it said.',
    help: 'Read the end of the log. Where memory was too little, raise spark.driver.memory or spark.executor.memory in spark.conf.',
    kind: 'failed',
  },
  SPARK_LACKS: {
    message: 'A definition, a source or a place asks for something that is not done in Spark yet.',
    help: 'Run the command without --engine spark: DuckDB does all of it.',
    kind: 'usage',
  },
} as const satisfies Record<string, ErrorEntry>;

export const sparkError = errorsOf(SPARK_ERRORS);
