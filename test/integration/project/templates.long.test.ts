/** Each template of `plumb init` leads to a vector by the very commands that it prints. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TEMPLATE_NAMES } from '../../../registry/init/template-name.ts';
import { run } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Lines of the table that the last command prints, each with a status. */
const SERVED: Readonly<Record<string, readonly RegExp[]>> = {
  quickstart: [/conv_rate .*PRESENT/],
  typescript: [/orders_7d +2\d +PRESENT/, /last_category +"\w+" +PRESENT/],
  stream: [/clicks_24h +60 +PRESENT/, /last_page +"\/\w*" +PRESENT/],
  'on-demand': [/average_14d .*PRESENT/, /cart_to_average +0\.\d+ +PRESENT/],
};

test.each(TEMPLATE_NAMES)('%s', async (template) => {
  const folder = join(scratchFolder(), 'project');
  const made = await run('npx', ['plumb', '--json', 'init', folder, '--template', template]);
  const { files, next } = JSON.parse(made.stdout) as { files: string[]; next: string[] };
  expect(files).toEqual(
    expect.arrayContaining(['README.md', 'package.json', 'plumbline.yaml', 'tsconfig.json']),
  );
  const { code, stdout, stderr } = await run('bash', ['-e', '-c', next.join('\n')]);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  for (const line of SERVED[template]!) expect(stdout).toMatch(line);
});
