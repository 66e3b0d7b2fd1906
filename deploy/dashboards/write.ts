/** Writes every dashboard as Grafana imports it: `npm run dashboards`. A test holds the files against the code. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOARDS } from './boards.ts';
import { grafanaJson } from './grafana.ts';

const folder = join(import.meta.dirname, '../grafana');
for (const board of BOARDS) writeFileSync(join(folder, `${board.id}.json`), grafanaJson(board));
