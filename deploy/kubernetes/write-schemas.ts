/** `npm run charts`: writes the schemas of the charts' values. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCHEMA_FILE, valuesSchemas } from './values-schema.ts';

for (const [chart, text] of valuesSchemas())
  writeFileSync(join(import.meta.dirname, '../helm', chart, SCHEMA_FILE), text);
