/** `plumb mcp` as an assistant has it: the protocol's own client starts it and asks. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, onTestFinished, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { PLUMB, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { fillRegistry, LAST_DAY, SMALL } from '../../support/registry/filled-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

type Said = { readonly isError?: boolean; readonly content: readonly { readonly text: string }[] };

test('search, explain, verdicts and mismatches, read only', async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\n');
  const { settings } = openProject(folder, silentLogger, {});
  const client = new Client({ name: 'test', version: '1' });
  const args = [QUIET_NODE, PLUMB, '-C', folder, 'mcp'];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: 'inherit' }));
  onTestFinished(() => client.close());
  const ask = async (name: string, asked: Record<string, unknown> = {}): Promise<Said> =>
    (await client.callTool({ name, arguments: asked })) as unknown as Said;
  const data = async (name: string, asked?: Record<string, unknown>) => {
    const { content, isError } = await ask(name, asked);
    expect(isError ?? false, content[0]!.text).toBe(false);
    return JSON.parse(content[0]!.text) as Record<string, Record<string, unknown>[]>;
  };

  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['search', 'explain', 'verdicts', 'mismatches']);
  expect(tools.every(({ annotations }) => annotations?.readOnlyHint === true)).toBe(true);
  const early = await ask('search', { text: 'anything' });
  expect([early.isError, early.content[0]!.text]).toEqual([true, expect.stringContaining('plumb apply')]);

  // It was started before anything was applied, and sees what is applied and judged now.
  const bundle = await RegistryDatabase.using(settings.registry, (database) => fillRegistry(database, SMALL));
  publishBundle(settings.bundles, bundle);
  const service = [...bundle.services.values()][0]!;
  const { view, feature } = service.features[0]!;
  const { found } = await data('search', { text: `${view} ${feature}`, most: 3 });
  expect(found).toContainEqual(expect.objectContaining({ kind: 'feature', name: `${view}:${feature}` }));
  const explained = await data('explain', { name: `${view}:${feature}` });
  expect(String(explained['definition'])).toContain(view);
  expect(explained['feeds']).toContain(`service:${service.name}`);
  expect(explained['match']!.length).toBeGreaterThan(0);
  expect((await data('explain', { name: [...bundle.entities.keys()][0]! }))['feeds']).toEqual([]);
  const { days } = await data('verdicts', { service: service.name, days: 3 });
  expect(days!.map(({ date }) => date)).toEqual([LAST_DAY, '2026-11-19', '2026-11-18']);
  const { incidents } = await data('mismatches', { days: 30 });
  expect(incidents![0]).toMatchObject({ cause: expect.any(String), harm: expect.any(Number) });
  const unknown = await ask('explain', { name: 'no_such_thing' });
  expect([unknown.isError, unknown.content[0]!.text]).toEqual([
    true,
    expect.stringContaining('no_such_thing'),
  ]);
  expect((await ask('search', { text: '', most: 0 })).isError).toBe(true);
});
