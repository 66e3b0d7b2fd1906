// Builds dist/ from the TypeScript sources: types stripped, declarations beside them, the files that programs read at
// run time copied, and packages of many modules joined (joined-packages.mjs). Node strips no types below node_modules,
// so an installed package runs from here.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { useJoined } from './joined-packages.mjs';
import { copyRunTimeFiles } from './run-time-files.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const tsc = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(4);
copyRunTimeFiles(dist);
await useJoined(dist);
chmodSync(join(dist, 'plumb.js'), 0o755);
