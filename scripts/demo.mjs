// `npm run demo` and `npm run demo -- --full`: the rehearsed day on the embedded defaults, or on real servers.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const entry = words.includes('--full') ? 'deploy/processes/full-demo.ts' : 'examples/retail/demo.ts';
const child = spawn(process.execPath, [...process.execArgv, join(root, entry), ...words], {
  stdio: 'inherit',
});
// A terminal's Ctrl-C goes to the whole group: the demo ends itself in order.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
