/**
 * The registry over HTTP, as `plumb ui` serves it for commands elsewhere (remote-registry.ts asks):
 *
 *   GET  /api/registry                    its id, the number of the last apply
 *   GET  /api/registry/applies            every apply; /applies/7 with its bundle
 *   GET  /api/registry/rollouts, allowances, last-runs, runs?view=
 *   POST /api/registry/plan               compares definitions with what is in force        role propose
 *   POST /api/registry/apply, promote     as the commands                                   role apply
 *
 * What is posted is planned anew here, by what is in force now: the guard, teams and numbers are the server's own. No
 * posted code runs here.
 */
import { z } from 'zod';
import { registryError } from '../../contract/errors.ts';
import { bundleFromJson } from '../../contract/definitions/definition-json.ts';
import type { Bundle, Definitions } from '../../contract/model.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import type { AskedRoute, ServedRoute } from '../../project/served/served-route.ts';
import { allowanceOf } from '../allowance.ts';
import { applyPlan, planDefinitions } from '../apply.ts';
import { sequenceOf } from '../versions/applies.ts';
import { allOf, checkStaged, planTakingBack, promoteStaged, stagedPlan } from '../versions/rollout.ts';
import { judgedCode } from './posted-code.ts';
import { definitionsFromJson, planToJson, POSTED_APPLY, POSTED_PLAN } from './posted-plan.ts';
import type { AppliedJson } from './posted-plan.ts';

const ROOT = '/api/registry';

export function registryRoutes(project: Project): readonly ServedRoute[] {
  const post = (path: string, needs: ServedRoute['needs'], answer: PostAnswer): ServedRoute => {
    // Who asks is known to the server: no token of its own counts.
    const own = (asked: AskedRoute) => answer({ ...project, caller: asked.caller }, asked);
    return { method: 'POST', path: `${ROOT}/${path}`, needs, answer: own };
  };
  return [
    ...readRoutes(),
    post('plan', 'propose', planned),
    post('apply', 'apply', applied),
    post('promote', 'apply', async (own, { database }) => {
      const { sequence, name } = await promoteStaged(own, database);
      return { sequence, name };
    }),
  ];
}

type PostAnswer = (project: Project, asked: AskedRoute) => Promise<object>;

function readRoutes(): ServedRoute[] {
  const get = (path: string, answer: ServedRoute['answer']): ServedRoute => {
    return { method: 'GET', path: `${ROOT}${path}`, needs: 'read', answer };
  };
  return [
    get('', async ({ database }) => ({
      id: await database.id(),
      last: (await database.reads.lastSequence()) ?? null,
    })),
    get('/applies', async ({ database }) => ({ applies: await database.applies() })),
    get('/applies/:sequence', async ({ database, param }) => {
      return { apply: await database.applied(sequenceOf(param('sequence'))) };
    }),
    get('/rollouts', async ({ database }) => ({ rollouts: await database.rollouts.all() })),
    get('/allowances', async ({ database }) => ({ allowances: await database.allowances() })),
    get('/last-runs', async ({ database }) => ({ runs: await lastRuns(database) })),
    get('/runs', async ({ database, query }) => {
      const filter = { view: query('view') ?? '' };
      return {
        runs: await (query('parts') === undefined ? database.runs(filter) : database.runParts(filter)),
      };
    }),
  ];
}

async function lastRuns(database: RegistryDatabase): Promise<object[]> {
  const last = await database.lastApplied();
  if (last === null) return [];
  const { views } = bundleFromJson(JSON.parse(last.bundle) as Json);
  return [...(await database.reads.lastAchieved([...views.keys()])).values()];
}

async function planned(project: Project, { database, body }: AskedRoute): Promise<object> {
  const { definitions, engine } = posted(POSTED_PLAN, await body());
  const given = definitionsFromJson(definitions, project.settings.project);
  const taken = (all: Definitions, inForce: Bundle | null): Definitions => judgedCode(all, inForce, 'plan');
  return planToJson(await planDefinitions(project, database, given, { engine, taken }));
}

async function applied(project: Project, { database, body }: AskedRoute): Promise<AppliedJson> {
  const sent = posted(POSTED_APPLY, await body());
  const { engine, compared, takesBack, share, allow, reason } = sent;
  await checkCompared(compared, database);
  const by = project.caller?.role === 'admin' ? 'admin' : 'apply';
  const taken = (all: Definitions, inForce: Bundle | null): Definitions => judgedCode(all, inForce, by);
  const given = (): Bundle => definitionsFromJson(sent.definitions, project.settings.project);
  const whole = takesBack
    ? await planTakingBack(project, database, engine)
    : await planDefinitions(project, database, given(), { engine, taken });
  if (share !== null) await checkStaged('apply --share', project, database);
  const made = share === null ? whole : await stagedPlan(whole, share, database);
  const allowance = allowanceOf(allow, reason);
  const allowed = takesBack ? allOf(made, allowance) : allowance;
  // They were tried where they come from.
  const { hash } = await applyPlan(project, database, { ...made, untried: [] }, allowed);
  return { hash, allowed: allowed.names, reason: allowed.reason, staged: made.staged ?? null };
}

/** @throws REG_PLAN where another apply came since */
async function checkCompared(compared: number, database: RegistryDatabase): Promise<void> {
  const last = (await database.reads.lastSequence()) ?? 0;
  if (last === compared) return;
  const with_ = compared === 0 ? 'nothing' : `apply ${compared}`;
  const message = `another apply came first: this was compared with ${with_}, and apply ${last} was made since`;
  throw registryError('REG_PLAN', message, { help: 'Run `plumb plan` and apply again.' });
}

function posted<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { path = [], message = '' } = parsed.error.issues[0] ?? {};
  const where = path.map(String).join('.');
  throw registryError('REG_USAGE', `what was posted does not fit at ${where || 'its top'}: ${message}`, {
    field: where,
    help: 'Another version of plumb may have sent it: take that of the server.',
  });
}
