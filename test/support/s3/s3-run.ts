/**
 * Runs a command beside object storage of its own, in memory, and ends both: `node test/support/s3/s3-run.ts COMMAND
 * ARGS...`. The command finds it by AWS's variables, its bucket is `lake`; DUCKDB_EXTENSIONS names the folder of what
 * DuckDB needs to read it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { downloadedExtensions } from './duckdb-extensions.ts';
import { startFakeS3 } from './fake-s3.ts';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  process.stderr.write(
    'expected a command, such as: node test/support/s3/s3-run.ts npm run bench -- --only storage\n',
  );
  process.exit(2);
}
const extensions = await downloadedExtensions(['httpfs']);
const s3 = await startFakeS3();
const environment = { ...process.env, ...s3.variables, DUCKDB_EXTENSIONS: extensions };
const child = spawn(command, args, { stdio: 'inherit', env: environment });
const [code] = (await once(child, 'exit')) as [number | null];
await s3.close();
process.exitCode = code ?? 4;
