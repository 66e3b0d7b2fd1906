/**
 * A plan in a file: `plumb plan --out FILE` writes what would be published and what it was compared with, for someone
 * to read, and `plumb apply FILE` takes exactly that, or nothing. No definition file is read then.
 */
import { registryError } from '../../contract/errors.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import type { Json } from '../../contract/std/canonical-json.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { bundleFromJson, bundleToJson } from '../../contract/definitions/definition-json.ts';
import type { ApplyPlan } from '../apply.ts';
import { changeToJson } from '../changes.ts';
import type { Bundle } from '../../contract/model.ts';
import type { RegistryReads } from '../../project/database/registry-reads.ts';

const FORMAT = 1;

interface PlanFile {
  readonly format: number;
  /** The id of the registry that it was made against, and the number of the last apply there. */
  readonly registry: string;
  readonly sequence: number;
  readonly plannedAt: string;
  /** For readers: what apply says of it. */
  readonly changes: readonly object[];
  readonly bundle: Json;
}

/** @throws REG_STORE when the file cannot be written */
export async function writePlan(
  file: string,
  plan: Pick<ApplyPlan, 'sequence' | 'changes' | 'next'>,
  registry: Pick<RegistryReads, 'id'>,
  nowUs: number,
): Promise<void> {
  const content: PlanFile = {
    format: FORMAT,
    registry: await registry.id(),
    sequence: plan.sequence,
    plannedAt: formatTimestamp(nowUs),
    changes: plan.changes.map(changeToJson),
    bundle: bundleToJson(plan.next),
  };
  try {
    writeDurably(file, `${canonicalJson(content as unknown as Json)}\n`);
  } catch (error) {
    throw registryError('REG_STORE', `cannot write the plan: ${(error as Error).message}`, { file }, error);
  }
}

/**
 * @param planOf  plans what the file holds
 * @returns       the plan of the file, compared anew with what is in force
 * @throws  REG_USAGE when it was applied already; REG_PLAN when it is no plan, or of another registry, when something
 *          was applied since, or when this plumb would publish something else
 */
export async function readPlan(
  file: string,
  from: Pick<RegistryReads, 'id' | 'lastApplied' | 'applied'>,
  planOf: (bundle: Bundle) => Promise<ApplyPlan>,
): Promise<ApplyPlan> {
  const { registry, sequence, plannedAt, bundle: json } = parsed(file);
  if (registry !== (await from.id())) throw fault(file, 'was made against another registry');
  const last = await from.lastApplied();
  if ((last?.sequence ?? 0) !== sequence) {
    const next = await from.applied(sequence + 1);
    if (next !== null && next.bundle === canonicalJson(json))
      throw registryError('REG_USAGE', `${file}: this plan was applied as apply ${sequence + 1}`, {
        help: 'There is nothing to do; `plumb versions` lists what was applied.',
      });
    const since = last === null ? '' : `: apply ${last.sequence} of ${formatTimestamp(last.appliedUs)}`;
    throw fault(file, `was made on ${plannedAt} and another apply came since${since}`);
  }
  const plan = await planOf(bundleOf(file, json));
  if (canonicalJson(bundleToJson(plan.next)) !== canonicalJson(json))
    throw fault(
      file,
      'is not what this plumb makes of its definitions: another version made it, or it was edited',
    );
  return plan;
}

function parsed(file: string): PlanFile {
  let json: Partial<PlanFile> | null;
  try {
    json = JSON.parse(readRegularText(file)) as Partial<PlanFile> | null;
  } catch (error) {
    throw fault(file, `cannot be read as a plan: ${(error as Error).message}`, error);
  }
  if (
    typeof json !== 'object' ||
    json === null ||
    typeof json.sequence !== 'number' ||
    json.bundle === undefined
  )
    throw fault(file, 'is no plan: expected a file that `plumb plan --out` wrote');
  if (json.format !== FORMAT)
    throw fault(file, `is a plan of format ${String(json.format)}; this plumb reads ${FORMAT}`);
  return json as PlanFile;
}

function bundleOf(file: string, json: Json): Bundle {
  try {
    return bundleFromJson(json);
  } catch (error) {
    throw fault(file, `holds no bundle: ${(error as Error).message}`, error);
  }
}

function fault(file: string, why: string, cause?: unknown): Error {
  return registryError('REG_PLAN', `${file} ${why}`, { file }, cause);
}
