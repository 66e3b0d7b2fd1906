/**
 * What a snapshot must have to be read at all: whatever the index, trends and alerts walk through. A file that was cut,
 * merged or written by hand is then named as one file at fault, and stops nobody.
 */
import { z } from 'zod';

const COUNT = z.number();
const RATE = z.number().nullable();
const TIME = z.string();

const VALUE_COUNTS = { values: COUNT, mismatches: COUNT, beyondPromise: COUNT };

const FINDING = z.looseObject({
  verdict: z.enum(['alert', 'alarm', 'not-enough-data']),
  text: z.string(),
  view: z.string().nullable(),
  feature: z.string().nullable(),
  cause: z.string().nullable(),
});

const EXAMPLES = z.array(z.looseObject({ requestId: z.string(), causes: z.array(z.string()) }));

const INCIDENT = z.looseObject({
  view: z.string(),
  cause: z.string(),
  level: z.string(),
  runs: z.array(z.string()),
  pods: z.array(z.string()),
  rows: COUNT,
  values: COUNT,
  beyondPromise: COUNT,
  harm: z.number(),
  features: z.array(z.string()),
  services: z.array(z.string()),
  models: z.array(z.string()),
  owners: z.array(z.string()),
  from: TIME,
  to: TIME,
  examples: EXAMPLES,
});

const VIEW = z.looseObject({
  role: z.string(),
  view: z.string(),
  hours: z.array(z.looseObject({ hour: COUNT, ...VALUE_COUNTS })),
  availability: z.looseObject({ vectors: COUNT, unavailable: COUNT }),
});

const FEATURE = z.looseObject({
  name: z.string(),
  view: z.string(),
  type: z.string(),
  rows: COUNT,
  present: COUNT,
  exact: COUNT,
  withinPromise: COUNT,
  beyondPromise: COUNT,
  exactMatch: RATE,
  exactMatchWithinPromise: RATE,
  level: z.string(),
  harm: z.number(),
  states: z.array(z.looseObject({ rows: COUNT })),
  causes: z.record(z.string(), z.looseObject({ values: COUNT, beyondPromise: COUNT })),
  also: z.record(z.string(), COUNT),
  examples: EXAMPLES,
});

const TREND_POINT = z.looseObject({
  date: z.string(),
  verdict: z.string(),
  exactMatch: z.record(z.string(), RATE),
  exactMatchWithinPromise: z.record(z.string(), RATE),
});

const SNAPSHOT = z.looseObject({
  date: z.string(),
  service: z.string(),
  verdict: z.enum(['pass', 'alert', 'alarm', 'not-enough-data']),
  sentence: z.string(),
  findings: z.array(FINDING),
  notes: z.array(z.string()),
  provisional: z.boolean(),
  judgedAt: TIME,
  consumers: z.array(z.looseObject({})),
  vectors: z.looseObject({ read: COUNT, judged: COUNT, unjudged: COUNT, unavailable: COUNT }),
  incidents: z.array(INCIDENT),
  slices: z.array(z.looseObject({ by: z.string(), value: z.string(), ...VALUE_COUNTS })),
  views: z.array(VIEW),
  features: z.array(FEATURE),
  runs: z.array(z.looseObject({ runId: z.string(), view: z.string() })),
  deploys: z.array(z.looseObject({ at: TIME, bundle: z.string() })),
  leftOut: z.array(z.looseObject({ what: z.string(), vectors: COUNT })),
  trend: z.array(TREND_POINT),
});

/** @throws an Error that names the first field that is missing or of another type */
export function requireWhole(snapshot: unknown): void {
  const { error } = SNAPSHOT.safeParse(snapshot);
  if (error === undefined) return;
  const [{ path, message }] = error.issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  throw new Error(`it is not whole: ${path.join('.')}: ${message}`);
}
