import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { loadBundle, loadCurrentBundle, readPointer } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import { applyNow } from '../../../registry/commands.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { PLAIN_RUN } from '../../support/registry/filled-registry.ts';
import { SHOP_DEFINITIONS, shopProject } from '../../support/fixtures/shop-project.ts';

async function plan(folder: string) {
  const project = openProject(folder, silentLogger, {});
  return RegistryDatabase.using(project.settings.registry, (database) => planProject(project, database));
}

async function apply(folder: string): Promise<Bundle> {
  const project = openProject(folder, silentLogger, {});
  return RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
}

/** Applies the shop's definitions, changes them, and plans again. Definition files load once a process: new names. */
async function planAfter(change: (text: string) => string) {
  const folder = await shopProject();
  await apply(folder);
  writeFileSync(join(folder, 'plumbline.yaml'), "project: shop\ndefinitions: ['definitions/*.mts']\n");
  writeFileSync(join(folder, 'definitions/changed.mts'), change(SHOP_DEFINITIONS));
  return { folder, plan: await plan(folder) };
}

describe('apply', () => {
  test('publishes a bundle named by its content, and then nothing changes', async () => {
    const folder = await shopProject();
    expect((await plan(folder)).changes.map((c) => `${c.kind} ${c.what} ${c.name}`)).toEqual([
      'created entity customer',
      'created view purchases',
      'created service churn_v1',
    ]);
    const bundle = await apply(folder);
    const bundles = join(folder, '.plumb/bundles');
    expect(readPointer(bundles)).toMatchObject({ name: bundle.hash, sequence: 1, revision: 0, staged: null });
    expect(loadCurrentBundle(bundles)).toEqual(bundle);
    expect(bundle.services.get('churn_v1')!.version).toBe(1);
    expect((await plan(folder)).changes).toEqual([]);
    expect((await apply(folder)).hash).toBe(bundle.hash);
  });

  test('without any definition is refused; once there were some, it is their deletion', async () => {
    const folder = await shopProject({ 'definitions/shop.ts': 'export const LIMIT = 3;\n' });
    await expect(plan(folder)).rejects.toThrow(/definitions\/\*\.ts.* hold no definition: expected entity:/);
    await expect(apply(folder)).rejects.toThrow(/hold no definition/);
    const { plan: emptied } = await planAfter(() => 'export const LIMIT = 3;\n');
    expect(emptied.changes.map((c) => `${c.kind} ${c.what} ${c.name}`).toSorted()).toEqual([
      'deleted entity customer',
      'deleted service churn_v1',
      'deleted view purchases',
    ]);
    expect(emptied.changes.flatMap(({ refusals }) => refusals)).not.toEqual([]);
  });

  test('what changes is printed before a backfill begins, and each run when it is done', async () => {
    const context = commandContext(await shopProject());
    const runs = ['purchases', 'lines'].map((view, i) => ({
      ...PLAIN_RUN,
      runId: view,
      view,
      definitionId: 1,
      bundle: 'b',
      toUs: 0,
      startedUs: 0,
      watermarkUs: Date.UTC(2026, 10, 20 + i) * 1_000,
    }));
    const backfill = async (views: readonly string[], told: (run: RunRecord) => Promise<void>) => {
      expect(views).toEqual(['purchases']);
      expect(context.said()).toMatch(/^\+ created .*Bundle \w+ is in force\.$/s);
      for (const run of runs) {
        await told(run);
        expect(context.said()).toBe(`${run.view} is backfilled up to ${formatTimestamp(run.watermarkUs)}.`);
      }
      return runs;
    };
    expect(await applyNow(context, { backfill }, { kind: 'definitions' })).toBe(0);
    expect(context.said()).toBe('');
  });

  test('a bundle whose content does not have its name is refused', async () => {
    const folder = await shopProject();
    const { hash } = await apply(folder);
    const file = join(folder, '.plumb/bundles', `${hash}.json`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('churn', 'churm'));
    expect(() => loadBundle(join(folder, '.plumb/bundles'), hash)).toThrow(
      'is no valid bundle: its content has the hash',
    );
  });

  test('metadata changes touch no data and no version', async () => {
    const { folder, plan: made } = await planAfter((text) =>
      text.replace("owner: 'ml-platform'", "owner: 'risk'"),
    );
    expect(made.changes).toMatchObject([
      {
        kind: 'metadata',
        name: 'purchases',
        details: [{ option: 'owner', before: 'ml-platform', after: 'risk' }],
        refusals: [],
      },
    ]);
    expect((await apply(folder)).schemas.get('purchases')).toHaveLength(1);
  });

  test('a new feature is additive: the old schema is kept for rows that it wrote', async () => {
    const { folder, plan: made } = await planAfter((text) =>
      text
        .replace('favorite:', "spent: agg.sum('line_total').lifetime(),\n    favorite:")
        .replace('[purchases]', "[purchases.pick('count_7d', 'average_30d', 'favorite')]"),
    );
    expect(made.changes.map((c) => [c.kind, c.details[0]!.sentence])).toEqual([
      ['additive', 'spent is new: float64'],
    ]);
    const bundle = await apply(folder);
    expect(bundle.schemas.get('purchases')!.map((s) => s.features.length)).toEqual([3, 4]);
    expect(bundle.services.get('churn_v1')!.version).toBe(1);
  });

  test('what seems to be renamed is told: a feature, and a view', async () => {
    const { plan: feature } = await planAfter((text) =>
      text
        .replace('average_30d:', 'mean_30d:')
        .replace("countDistinct('invoice_no')", "countDistinct('category')"),
    );
    expect(feature.changes[0]!.details.map(({ sentence }) => sentence)).toEqual([
      undefined,
      'average_30d is removed; mean_30d is the same under another name',
      'mean_30d is new: float64',
    ]);
    const { plan: view } = await planAfter((text) =>
      text.replace("featureView('purchases'", "featureView('orders'"),
    );
    const gone = view.changes.find(({ kind, what }) => kind === 'deleted' && what === 'view')!;
    expect(gone).toMatchObject({ name: 'purchases', details: [{ option: 'name', after: 'orders' }] });
    const { plan: other } = await planAfter((text) =>
      text.replace("featureView('purchases'", "featureView('orders'").replace("over('7d')", "over('8d')"),
    );
    expect(other.changes.find(({ kind, what }) => kind === 'deleted' && what === 'view')!.details).toEqual(
      [],
    );
    const { plan: longer } = await planAfter((text) =>
      text.replace(
        "average_30d: agg.avg('line_total').over('30d'",
        "mean_31d: agg.avg('line_total').over('31d'",
      ),
    );
    expect(longer.changes[0]!.details.map(({ sentence }) => sentence)).toContain('average_30d is removed');
  });
});
