/** What `plumb` and the server of its registry say to each other when something is planned and applied, as JSON. */
import { z } from 'zod';
import { registryError } from '../../contract/errors.ts';
import {
  bundleFromJson,
  bundleToJson,
  onDemandIdOf,
  rowSchemaOf,
} from '../../contract/definitions/definition-json.ts';
import type { Bundle, Definitions } from '../../contract/model.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import type { ApplyPlan } from '../apply.ts';
import { POSTED_DEFINITIONS } from './posted-definitions.ts';

const ENGINE_TEXT = /^V8 [\w.-]{1,60} \w{1,20}$/;

/** Functions are tried where the definitions come from, never on the server: it has the login of the registry. */
export const POSTED_PLAN = z.strictObject({
  definitions: POSTED_DEFINITIONS,
  /** What their functions are tried on. */
  engine: z.string().regex(ENGINE_TEXT),
});

export const POSTED_APPLY = z.strictObject({
  ...POSTED_PLAN.shape,
  /** The number of the apply that the plan was compared with; 0: nothing was applied. */
  compared: z.number().int().min(0),
  /** What is staged is taken back; the definitions are those of before, whatever was posted. */
  takesBack: z.boolean(),
  share: z.string().max(20).nullable(),
  allow: z.array(z.string().max(500)).max(10_000),
  reason: z.string().max(4_000),
});

type PostedApply = z.output<typeof POSTED_APPLY>;

/** A plan without what whoever asked knows better: the samples of their functions; what streams cost is left empty. */
export interface PlanJson extends Omit<ApplyPlan, 'next' | 'untried'> {
  readonly next: Json;
  /** By id. */
  readonly untried: readonly string[];
}

/** What an apply came to. */
export interface AppliedJson extends Pick<PostedApply, 'reason'> {
  readonly hash: string;
  /** The names of the refusals that it took. */
  readonly allowed: readonly string[];
  readonly staged: ApplyPlan['staged'] | null;
}

export function planToJson({ next, untried, ...plan }: ApplyPlan): PlanJson {
  return { ...plan, next: bundleToJson(next) as unknown as Json, untried: untried.map(({ id }) => id) };
}

/** @returns the definitions as a bundle that nothing was in force before */
export function definitionsToJson(project: string, definitions: Definitions): Json {
  const { entities, views, onDemand, services } = definitions;
  const schemas = [...views.values()].map((view) => {
    return [view.id, [rowSchemaOf(view, entities.get(view.entity)!)]] as const;
  });
  const bundle = { project, entities, views, onDemand, services, schemas: new Map(schemas) };
  return bundleToJson(bundle) as unknown as Json;
}

const OTHER_VERSION = 'Another version of plumb may have sent it: take that of the server.';

/** @throws REG_USAGE where it is none, or of another project than the registry's */
export function definitionsFromJson(json: unknown, project: string): Bundle {
  let bundle: Bundle;
  try {
    bundle = bundleFromJson(json as Json);
  } catch (error) {
    const field = error instanceof CodedError ? error.details.field : undefined;
    const message = `what was posted holds no definitions: ${(error as Error).message}`;
    const details = { help: OTHER_VERSION, ...(field === undefined ? {} : { field }) };
    throw registryError('REG_USAGE', message, details, error);
  }
  // Views over sources get theirs when they are planned.
  const other = [...bundle.onDemand.values()].find((view) => view.definitionId !== onDemandIdOf(view));
  if (other !== undefined) {
    const message = `the on-demand view ${other.id} has another definition id than its definition gives it`;
    throw registryError('REG_USAGE', message, { field: 'onDemand', help: OTHER_VERSION });
  }
  if (bundle.project === project) return bundle;
  const message = `this is the registry of the project ${project}, and the definitions are of ${bundle.project}`;
  throw registryError('REG_USAGE', message, {
    field: 'project',
    help: 'Look at `project` and `registry` in plumbline.yaml.',
  });
}
