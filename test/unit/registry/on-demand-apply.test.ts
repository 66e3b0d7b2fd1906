/** On-demand views from plan to bundle: what an apply tries, what the guard refuses, what a bundle carries. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allowanceOf } from '../../../registry/allowance.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { renderChanges } from '../../../registry/change-text.ts';
import { onDemandNamed, renderCatalogue, renderDefinition } from '../../../registry/show.ts';
import { functionsText } from '../../../registry/where-it-runs.ts';
import { bundleFromJson, bundleToJson } from '../../../contract/definitions/definition-json.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../../contract/model.ts';
import { compileOnDemand } from '../../../contract/on-demand/compile-function.ts';
import { ENGINE } from '../../../contract/on-demand/engine.ts';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { outcomeOf } from '../../support/fixtures/on-demand-view.ts';
import { shopProject } from '../../support/fixtures/shop-project.ts';

const SHOP = `entity: customer
joinKeys: { customer_id: int64 }
---
featureView: lines
entity: customer
source: { parquet: data/invoices.parquet, eventTime: invoice_date }
features: { line_total: float64, quantity: int32 }
---
onDemandView: basket
inputs: { cart_value: float64 }
uses: [lines:line_total]
features: { ratio: float64 }
compute: ../compute/basket.ts
---
onDemandView: level
uses: [basket:ratio]
features: { high: bool }
compute: ../compute/level.ts
---
featureService: cart
features: [level]
consumers: [{ model: cart, owner: team-cart }]
`;
const BASKET =
  'export default ({ cart_value, line_total }) => ({ ratio: line_total === null ? null : cart_value / line_total });\n';
const LEVEL = 'export default ({ ratio }) => ({ high: ratio === null ? null : ratio > 1 });\n';

class OnDemandShop {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<OnDemandShop> {
    const folder = await shopProject({
      'definitions/shop.ts': '',
      'definitions/shop.yaml': SHOP,
      'compute/basket.ts': BASKET,
      'compute/level.ts': LEVEL,
    });
    return new OnDemandShop(folder);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  async plan() {
    const project = this.#project();
    return await RegistryDatabase.using(project.settings.registry, (database) =>
      planProject(project, database),
    );
  }

  async apply(...allow: string[]): Promise<Bundle> {
    const project = this.#project();
    const allowance = allowanceOf(allow, allow.length === 0 ? undefined : 'agreed');
    return await RegistryDatabase.using(project.settings.registry, async (database) =>
      applyPlan(project, database, await planProject(project, database), allowance),
    );
  }

  /** As if what is in force had been applied elsewhere. */
  async applyOn(engine: string): Promise<void> {
    await RegistryDatabase.using(this.#project().settings.registry, async (database) => {
      const { sequence, bundle } = (await database.lastApplied())!;
      await database.recordApplied({
        sequence: sequence + 1,
        hash: '0'.repeat(16),
        appliedUs: 0,
        author: 'ada',
        reason: 'so',
        bundle: bundle.replaceAll(ENGINE, engine),
        changes: '[]',
        removed: [],
        allowed: [],
        services: [],
      });
    });
  }

  bundle(): Bundle {
    return loadCurrentBundle(join(this.folder, '.plumb/bundles'));
  }

  #project() {
    return openProject(this.folder, silentLogger, {});
  }
}

describe('an apply of on-demand views', () => {
  test('on another engine tries them again, and the plan says so', async () => {
    const shop = await OnDemandShop.open();
    await shop.apply();
    await shop.applyOn('V8 1.2.3 z80');
    const plan = await shop.plan();
    expect(plan.untried.map(({ id }) => id)).toEqual(['basket', 'level']);
    expect(renderChanges(plan.changes)).toContain(`engine: V8 1.2.3 z80 -> ${ENGINE}`);
    expect(plan.changes.map(({ kind, refusals }) => [kind, refusals])).toEqual([
      ['metadata', []],
      ['metadata', []],
    ]);
    expect((await shop.apply()).onDemand.get('basket')!.engine).toBe(ENGINE);
    expect((await shop.plan()).changes).toEqual([]);
  });

  test('publishes their code, and what is read again is what was published', async () => {
    const shop = await OnDemandShop.open();
    expect((await shop.plan()).changes.map((one) => `${one.kind} ${one.what} ${one.name}`)).toEqual([
      'created entity customer',
      'created view lines',
      'created view basket',
      'created view level',
      'created service cart',
    ]);
    const applied = await shop.apply();
    const bundle = shop.bundle();
    expect(bundle).toEqual(applied);
    expect(bundleFromJson(bundleToJson(bundle) as Json)).toEqual(bundle);
    expect(outcomeOf(compileOnDemand(bundle.onDemand.get('basket')!, bundle), [10, 4])).toEqual([2.5]);
    expect((await shop.plan()).changes).toEqual([]);
    expect((await shop.apply()).hash).toBe(bundle.hash);
  });

  test('a comment in the code is no change, and makes no other bundle', async () => {
    const shop = await OnDemandShop.open();
    const { hash } = await shop.apply();
    shop.write('compute/basket.ts', `// Against the average.\n${BASKET}`);
    expect((await shop.plan()).changes).toEqual([]);
    expect((await shop.apply()).hash).toBe(hash);
  });

  test('bad code in a bundle is refused by whoever reads it', async () => {
    const shop = await OnDemandShop.open();
    const json = JSON.parse(JSON.stringify(bundleToJson(await shop.apply()))) as {
      onDemand: Record<string, unknown>[];
      services: Record<string, unknown>[];
    };
    const refused = (change: (copy: typeof json) => void): string => {
      const copy = structuredClone(json);
      change(copy);
      try {
        bundleFromJson(copy as unknown as Json);
        return 'taken';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused(() => {})).toBe('taken');
    expect(
      refused(({ onDemand }) => {
        onDemand[0]!['code'] = { ...(onDemand[0]!['code'] as object), script: '' };
      }),
    ).toContain('onDemand.0.code.script');
    expect(
      refused(({ onDemand }) => {
        onDemand[0]!['uses'] = [];
      }),
    ).toContain('services.0.onDemand.0.uses');
    expect(
      refused(({ onDemand }) => {
        onDemand.shift();
      }),
    ).toContain('there is no');
    expect(
      refused(({ services }) => {
        (services[0]!['onDemand'] as unknown[]).reverse();
      }),
    ).toContain('services.0.onDemand.0.uses');
    expect(
      refused(({ services }) => {
        services[0]!['inputs'] = [];
      }),
    ).toContain('services.0.inputs: there is no "cart_value"');
  });
});

describe('the guard', () => {
  test('refuses changed code of what a service consumes at any depth, and takes it by name', async () => {
    const shop = await OnDemandShop.open();
    const before = await shop.apply();
    shop.write('compute/basket.ts', BASKET.replace('cart_value /', '2 * cart_value /'));
    const plan = await shop.plan();
    expect(plan.changes).toMatchObject([
      { kind: 'logic', what: 'view', name: 'basket', refusals: [{ name: 'basket.code' }] },
    ]);
    expect(renderChanges(plan.changes)).toContain(
      'refused: basket.code: service cart, consumed by model cart of team-cart',
    );
    expect(renderChanges(plan.changes)).toMatch(
      /code: compute\/basket.ts .* \(row logic: from the apply on its values are computed anew\)$/m,
    );
    await expect(shop.apply()).rejects.toThrow('basket.code');
    const after = await shop.apply('basket.code');
    const id = ({ onDemand }: Bundle): number => onDemand.get('basket')!.definitionId;
    expect(id(after)).not.toBe(id(before));
    expect(after.services.get('cart')!.version).toBe(1);
  });

  test('names the file that changed where it is one that the module imports', async () => {
    const shop = await OnDemandShop.open();
    const helped = (body: string): string => `import { share } from './share.ts';\nexport default ${body}`;
    shop.write(
      'compute/basket.ts',
      helped('({ cart_value, line_total }) => ({ ratio: share(cart_value, line_total) });'),
    );
    const share = 'export const share = (a, b) => (b === null ? null : a / b);';
    shop.write('compute/share.ts', share);
    await shop.apply();
    shop.write('compute/share.ts', share.replace('a / b', 'b / a'));
    expect(renderChanges((await shop.plan()).changes)).toMatch(
      /code: compute\/basket.ts \w+ -> compute\/basket.ts \w+ \(changed: compute\/share.ts\) \(row logic/,
    );
  });

  test('an input that is logged in another way is shown, with what is computed of it, and refused for nobody', async () => {
    const shop = await OnDemandShop.open();
    await shop.apply();
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace('cart_value: float64', 'cart_value: { type: float64, log: drop }'),
    );
    const { changes } = await shop.plan();
    expect(changes.map(({ kind, name }) => [kind, name])).toEqual([
      ['metadata', 'basket'],
      ['metadata', 'level'],
    ]);
    const text = renderChanges(changes);
    expect(text).toContain('    inputs.cart_value.log: raw -> drop\n    ratio.log: raw -> drop');
    expect(text).not.toContain('refused');
  });

  test('refuses row logic of a feature view that only an on-demand view uses', async () => {
    const shop = await OnDemandShop.open();
    await shop.apply();
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace('line_total: float64', 'line_total: { type: float64, missing: 0 }'),
    );
    expect((await shop.plan()).changes).toMatchObject([
      { name: 'lines', refusals: [{ name: 'lines__line_total.missing' }] },
    ]);
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace('quantity: int32', 'quantity: { type: int32, missing: 0 }'),
    );
    expect((await shop.plan()).changes).toMatchObject([{ name: 'lines', refusals: [] }]);
  });

  test('a used feature cannot be taken away', async () => {
    const shop = await OnDemandShop.open();
    await shop.apply();
    shop.write('definitions/shop.yaml', SHOP.replace('line_total: float64, ', ''));
    await expect(shop.plan()).rejects.toThrow('view "lines" has no feature "line_total"');
  });

  test('refuses another input, once; an optional one breaks no request, but the code', async () => {
    const shop = await OnDemandShop.open();
    await shop.apply();
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace('cart_value: float64', 'cart_value: float64, items: int64'),
    );
    const { changes } = await shop.plan();
    expect(changes.map(({ kind, name, refusals }) => [kind, name, refusals.map((one) => one.name)])).toEqual([
      ['breaking', 'basket', ['basket.inputs']],
      ['breaking', 'cart', []],
    ]);
    expect(changes[1]!.details).toMatchObject([
      { option: 'inputs', before: ['cart_value float64'], after: ['cart_value float64', 'items int64'] },
    ]);
  });

  test('the deletion of a used on-demand view is a mistake, of a listed one refused', async () => {
    const shop = await OnDemandShop.open();
    await shop.apply();
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace(/---\nonDemandView: level[^]*?---/, '---').replace('[level]', '[lines:quantity]'),
    );
    const { changes } = await shop.plan();
    expect(changes.find(({ name }) => name === 'cart')).toMatchObject({
      kind: 'breaking',
      refusals: expect.arrayContaining([expect.objectContaining({ name: 'cart.features' })]),
    });
    expect(changes.find(({ name }) => name === 'level')).toMatchObject({ kind: 'deleted' });
  });
});

describe('an apply tries the functions', () => {
  test('what throws over a sample is refused', async () => {
    const shop = await OnDemandShop.open();
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace(
        'compute: ../compute/basket.ts',
        'samples: [{ cart_value: 1, line_total: null }]\ncompute: ../compute/basket.ts',
      ),
    );
    shop.write('compute/basket.ts', 'export default ({ line_total }) => ({ ratio: line_total.valueOf() });');
    await expect(shop.apply()).rejects.toThrow('over sample 1: {"cart_value":1,"line_total":null}');
    expect(() => shop.bundle()).toThrow('no bundle is published');
  });

  test('only what is new or changed is tried', async () => {
    const shop = await OnDemandShop.open();
    expect((await shop.plan()).untried.map(({ id }) => id)).toEqual(['basket', 'level']);
    await shop.apply();
    shop.write('compute/level.ts', LEVEL.replace('> 1', '> 2'));
    expect((await shop.plan()).untried.map(({ id }) => id)).toEqual(['level']);
  });
});

describe('what is shown of on-demand views', () => {
  test('in the catalogue, of the view, of its features and of a service', async () => {
    const shop = await OnDemandShop.open();
    shop.write(
      'compute/level.ts',
      'export default ({ ratio }) => { do { if (ratio > 1) return { high: true }; } while (false);\n  return { high: null }; };\n',
    );
    shop.write(
      'definitions/shop.yaml',
      SHOP.replace('compute: ../compute/level.ts', 'compute: ../compute/level.ts\nisolate: false'),
    );
    const bundle = await shop.apply();
    const kept = { runs: [], freshness: null, allowances: [] };
    expect(renderCatalogue(bundle, [], new Map())).toContain('on-demand view');
    const level = renderDefinition(bundle, 'level', kept);
    expect(level).toContain('uses basket: ratio');
    expect(level).toContain('runs in the thread that answers, although it has a loop (compute/level.ts:1)');
    expect(functionsText(bundle.onDemand.values())).toBe(
      '\n\nbasket runs in the thread that answers\nlevel runs in the thread that answers, although it has a loop (compute/level.ts:1)',
    );
    expect(renderDefinition(bundle, 'basket', kept)).toContain('inputs cart_value float64');
    expect(onDemandNamed(bundle, 'basket:ratio')!.id).toBe('basket');
    expect(renderDefinition(bundle, 'cart', kept)).toContain(
      'asked with customer_id int64, cart_value float64, consumed by cart (team-cart)',
    );
  });
});

test('a bundle without on-demand views has the text that it had before there were any', async () => {
  const folder = await shopProject();
  const project = openProject(folder, silentLogger, {});
  const bundle = await RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
  const text = readFileSync(join(folder, '.plumb/bundles', `${bundle.hash}.json`), 'utf8');
  expect(text).toContain('"format":3');
  expect(text).not.toMatch(/onDemand|"inputs"/);
  expect(bundle.hash).toBe(SHOP_HASH);
});

/** As the release before on-demand views published it. */
const SHOP_HASH = '0af93a2f920beede';
