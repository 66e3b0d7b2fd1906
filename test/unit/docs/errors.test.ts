import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CATALOGUE_ERRORS } from '../../../catalogue/errors.ts';
import { DEPLOY_ERRORS } from '../../../deploy/kubernetes/errors.ts';
import { LOAD_ERRORS } from '../../../loadtest/errors.ts';
import { MATERIALIZER_ERRORS } from '../../../materializer/errors.ts';
import { MONITOR_ERRORS } from '../../../monitor/errors.ts';
import { REGISTRY_ERRORS } from '../../../contract/errors.ts';
import type { ErrorEntry, ErrorKind } from '../../../contract/std/coded-error.ts';
import { TRAINING_ERRORS } from '../../../training/errors.ts';
import { SPARK_ERRORS } from '../../../project/engine/spark/errors.ts';
import { SIDECAR_ERRORS } from '../../../sidecar/errors.ts';
import { LOG_ERRORS } from '../../../sidecar/spool/errors.ts';

const FILE = join(import.meta.dirname, '../../../docs/errors.md');
const EXIT: Readonly<Record<ErrorKind, number>> = {
  'check-failed': 1,
  usage: 2,
  'not-enough-data': 3,
  failed: 4,
};
const TABLES: Readonly<Record<string, Readonly<Record<string, ErrorEntry>>>> = {
  Registry: REGISTRY_ERRORS,
  Materializer: MATERIALIZER_ERRORS,
  'Training sets': TRAINING_ERRORS,
  Spark: SPARK_ERRORS,
  Sidecar: SIDECAR_ERRORS,
  'Vector log': LOG_ERRORS,
  Monitor: MONITOR_ERRORS,
  Catalogue: CATALOGUE_ERRORS,
  Deployment: DEPLOY_ERRORS,
  'Load test': LOAD_ERRORS,
};

/** docs/errors.md as the tables have it; `UPDATE_DOCS=1 npx vitest run test/unit/docs` writes it. */
function document(): string {
  const parts = [
    '# Errors',
    '',
    'Every error that a program reports on purpose, with its code, what to do next, and the exit code of a command',
    'that ends in it. Over HTTP the same codes stand in `{"error": {"code", "message", "field"}}`. This page is made',
    'from the tables in the programs; a test keeps both the same.',
  ];
  for (const [program, table] of Object.entries(TABLES)) {
    parts.push('', `## ${program}`, '', '| code | means | what to do | exit |', '| --- | --- | --- | --- |');
    for (const [code, entry] of Object.entries(table).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      parts.push(`| \`${code}\` | ${cell(entry.message)} | ${cell(entry.help)} | ${EXIT[entry.kind]} |`);
    }
  }
  return `${parts.join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

test('docs/errors.md lists every error of every program as its table has it, and no other', () => {
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, document());
  expect(readFileSync(FILE, 'utf8')).toBe(document());
});

test('a code begins with its program and stands in one table', () => {
  const codes = Object.values(TABLES).flatMap((table) => Object.keys(table));
  expect(new Set(codes).size).toBe(codes.length);
  expect(
    codes.filter((code) => !/^(REG|MAT|TRAIN|SPARK|SRV|LOG|MON|CAT|DEP|LOAD)_[A-Z0-9_]+$/.test(code)),
  ).toEqual([]);
});
