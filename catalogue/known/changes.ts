/** What applies have changed of one definition, as the registry keeps it. */
import type { Json } from '../../contract/std/canonical-json.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';

/** One apply that changed the definition. */
export interface DefinitionChange {
  /** Of the apply. */
  readonly sequence: number;
  readonly appliedAt: string;
  readonly author: string;
  readonly reason: string;
  readonly kind: string;
  /** A sentence for each option that differs. */
  readonly details: readonly string[];
}

/** As an apply writes them; what is not read here is left out. */
interface WrittenChange {
  readonly kind: string;
  readonly what: string;
  readonly name: string;
  readonly details: readonly {
    readonly option: string;
    readonly before: Json;
    readonly after: Json;
    readonly feature: string | null;
    readonly sentence?: string;
  }[];
}

const MOST_CHANGES = 20;
const MOST_LETTERS = 160;

/**
 * @param what     `view`, `service` or `entity`
 * @param feature  only what concerns this feature, and the view as a whole; null: all
 * @returns        the newest first, at most 20
 */
export async function changesOf(
  database: RegistryDatabase,
  what: string,
  name: string,
  feature: string | null = null,
): Promise<DefinitionChange[]> {
  const applies = await database.reads.appliesThatName(name);
  const found: DefinitionChange[] = [];
  for (const { sequence, appliedUs, author, reason, changes } of applies) {
    if (found.length === MOST_CHANGES) break;
    const own = (JSON.parse(changes) as WrittenChange[]).find(
      (one) => one.what === what && one.name === name,
    );
    if (own === undefined) continue;
    const concerns = own.details.filter(
      (detail) => feature === null || (detail.feature ?? feature) === feature,
    );
    if (own.details.length > 0 && concerns.length === 0) continue;
    const details = concerns.map(detailText);
    found.push({ sequence, appliedAt: formatTimestamp(appliedUs), author, reason, kind: own.kind, details });
  }
  return found;
}

function detailText({ option, before, after, sentence }: WrittenChange['details'][number]): string {
  return sentence ?? `${option}: ${valueText(before)} → ${valueText(after)}`;
}

/** As people read it: `none`, `a, b`, `model churn, owner team-crm`. */
function plainText(value: Json): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(plainText).join(', ');
  if (typeof value !== 'object') return String(value);
  const told = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return told.map(([name, one]) => `${name} ${plainText(one!)}`).join(', ');
}

function valueText(value: Json): string {
  const text = plainText(value);
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text;
}
