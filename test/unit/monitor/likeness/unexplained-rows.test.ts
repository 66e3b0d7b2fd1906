/** Each row of the history counts once among the unexplained, however many requests it was served to. */
import { expect, test } from 'vitest';
import type { FeatureService } from '../../../../contract/model.ts';
import type { ComparedRow } from '../../../../monitor/as-served/given-row.ts';
import { RoleKeys } from '../../../../monitor/judge/role-keys.ts';
import { UnexplainedRows } from '../../../../monitor/likeness/unexplained-rows.ts';

test('of a role with part of the keys of a request, its own keys name a row', () => {
  const used = { role: 'customers', view: 'customers', requestKeys: ['customer'] };
  const requestKeys = [{ name: 'item' }, { name: 'customer' }];
  const service = { views: [used], requestKeys } as unknown as FeatureService;
  const rows = new UnexplainedRows(new RoleKeys({ servedService: () => service }, service, used));
  for (let vid = 0; vid < 100; vid++) {
    const vector = { vid, bundle: 'b', keys: [`item-${vid}`, `c-${vid % 3}`] };
    const served = { eventUs: 1, createdUs: 2, values: [3] };
    const altered = { answer: 'altered', row: { values: [4] } };
    const asked = { fidelity: altered, alterations: ['unexplained'] };
    rows.offer({ given: { vector }, facts: { served } } as unknown as ComparedRow, asked as never);
  }
  expect(rows.rows().get(0)).toHaveLength(3);
});
