/** Spark as `--engine spark` starts it, in tests: that of the Python environment, on two cores of this machine. */
import type { SparkSettings } from '../../../project/settings/spark-settings.ts';
import { pythonEnvironment } from '../processes/python-environment.ts';

/**
 * Sets what Spark's own scripts look for in the environment of this process.
 * @param folder  for its jobs and logs
 */
export async function sparkSettingsHere(folder: string): Promise<SparkSettings> {
  const python = await pythonEnvironment();
  process.env['PYSPARK_PYTHON'] = python.program('python');
  delete process.env['SPARK_HOME'];
  return {
    command: python.program('spark-submit'),
    master: 'local[2]',
    conf: {
      'spark.driver.memory': '2g',
      'spark.sql.shuffle.partitions': '4',
      // Most of a small job is the compiler's work.
      'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1',
    },
    folder,
  };
}
