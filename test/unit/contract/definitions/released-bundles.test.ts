/** Bundles that a released version wrote: they mean what they meant, so that rows and bundles keep their ids. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleOfText } from '../../../../contract/definitions/bundle-folder.ts';
import {
  bundleHash,
  bundleToJson,
  definitionIdOf,
  onDemandIdOf,
} from '../../../../contract/definitions/definition-json.ts';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';

const FOLDER = join(import.meta.dirname, '../../../golden/0.1.0/bundles');

test.each(readdirSync(FOLDER))('%s of 0.1.0 is read, and gives the same text and ids', (file) => {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  const bundle = bundleOfText(text, bundleHash(text));
  expect(canonicalJson(bundleToJson(bundle))).toBe(text);
  expect(bundle.hash).toBe(bundleHash(text));
  expect((JSON.parse(text) as { format: number }).format).toBe(Number.parseInt(file, 10));
  for (const view of bundle.views.values()) {
    const { joinKeys } = bundle.entities.get(view.entity)!;
    expect(definitionIdOf(view, joinKeys), view.id).toBe(view.definitionId);
  }
  for (const view of bundle.onDemand.values())
    expect(onDemandIdOf({ ...view, samples: [] }), view.id).toBe(view.definitionId);
});
