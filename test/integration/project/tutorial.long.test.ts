/** docs/tutorial.md, followed to the letter in an empty folder, but for the install and the ports. */
import { readFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { run } from '../../support/processes/plumb-process.ts';
import { freePort } from '../../support/redis/redis.ts';
import { scratchFolder } from '../../support/scratch.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('the tutorial leads from a Parquet file to a vector, a training set and a verdict', async () => {
  const folder = scratchFolder();
  const bin = join(folder, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  const program = inject('plumb');
  symlinkSync(program, join(bin, 'plumb'));
  symlinkSync(join(program, '../..'), join(folder, 'node_modules/plumbline'));
  symlinkSync(join(ROOT, 'node_modules/@duckdb'), join(folder, 'node_modules/@duckdb'));
  const page = readFileSync(join(ROOT, 'docs/tutorial.md'), 'utf8');
  const steps: string[] = [];
  for (const [, language, text] of page.matchAll(/^```(sh|yaml)\n(.*?)^```$/gms)) {
    const file = /^# (\S+)\n/.exec(text!);
    if (language === 'sh') steps.push(text!);
    else steps.push(`cat > ${file![1]} <<'END'\n${text}END\n`);
  }
  const [port, adminPort] = [await freePort(), await freePort()];
  const script = ['set -euo pipefail', 'trap "kill %1 2>/dev/null || true" EXIT', ...steps]
    .join('\n')
    .replaceAll('6566', String(port))
    .replaceAll('6567', String(adminPort))
    .replaceAll('npx plumb', 'plumb');
  writeFileSync(join(folder, 'steps.sh'), script);
  const env = {
    PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`,
    PLUMB_SERVE_PORT: String(port),
    PLUMB_SERVE_ADMIN_PORT: String(adminPort),
  };
  const { code, stdout, stderr } = await run('bash', ['steps.sh'], { cwd: folder, env });
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  expect(stdout).toContain('purchases__spent_7d');
  expect(stdout).toMatch(/^churn_v1 .*PASS/m);
  expect(stdout).toContain('values present match.');
});
