/** The Dockerfile as it is written; image-steps.long.test.ts carries its steps out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { instructions } from '../support/deploy/image-build.ts';
import { run } from '../support/processes/plumb-process.ts';
import { pythonEnvironment, PYTHON_LIMIT_MS } from '../support/processes/python-environment.ts';

const ROOT = join(import.meta.dirname, '../..');

test(
  'hadolint finds nothing',
  async () => {
    const python = await pythonEnvironment();
    const done = await run(python.program('hadolint'), [join(ROOT, 'deploy/image/Dockerfile')]);
    expect(done).toMatchObject({ code: 0, stdout: '' });
  },
  PYTHON_LIMIT_MS,
);

test('the base is the Node that this project is tested on, and no image runs as root', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(instructions()).toContainEqual(['ARG', `NODE_VERSION=${devDependencies.node}`]);
  const users = instructions().filter(([word]) => word === 'USER');
  expect(users.map(([, user]) => user)).toEqual(['1000:1000', '1000:1000']);
});
