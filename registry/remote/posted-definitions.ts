/**
 * What definitions that are posted must be besides the shape of a bundle, which leaves out what no sidecar acts on:
 * pages, the guard and the check of teams read it, and whoever posts is no further trusted than their role.
 */
import { z } from 'zod';
import { idOf } from '../../contract/definitions/draft.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';

/** Bundles of earlier programs may lack it. */
const text = z.string().nullish();
const described = { description: text, owner: text, tags: z.array(z.string()) };
const SUCCESSOR = /^[A-Za-z]\w*(@v\d+)?(:\w+)?$/;
const deprecated = z
  .looseObject({
    date: z.string().refine((given) => parseTimestamp(given) !== null, 'expected a date or a time'),
    successor: z.string().regex(SUCCESSOR).nullable(),
  })
  .nullish();

const feature = z.looseObject({
  description: text,
  tags: z.array(z.string()),
  normalization: z.looseObject({ mean: z.number(), stddev: z.number() }).nullish(),
  deprecated,
});

/** Messages and pages call a view by its name and version, everything else by its id. */
const view = z
  .looseObject({
    ...described,
    id: z.string(),
    name: z.string(),
    version: z.int().min(1),
    team: text,
    features: z.array(feature),
    deprecated,
  })
  .superRefine(({ id, name, version }, context) => {
    if (id === idOf(name, version)) return;
    const isOther = !id.startsWith(name) || !/^(@|$)/.test(id.slice(name.length));
    const message = `expected the ${isOther ? 'name' : 'version'} of ${id.slice(0, 200)}`;
    context.addIssue({ code: 'custom', path: [isOther ? 'name' : 'version'], message });
  });

const consumer = z.looseObject({ model: z.string(), owner: z.string() });

export const POSTED_DEFINITIONS = z.looseObject({
  entities: z.array(z.looseObject(described)),
  views: z.array(view),
  onDemand: z.array(view).optional(),
  services: z.array(z.looseObject({ ...described, consumers: z.array(consumer), deprecated })),
});
