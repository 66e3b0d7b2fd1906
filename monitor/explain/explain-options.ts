/** The options of `plumb explain`: a request by id or by its place in the log, or an entity at a time. */
import { registryError } from '../../contract/errors.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import { explainEntity, explainRequest } from './explain.ts';
import type { ExplainedVector } from './explanation.ts';

/** As commander passes them. */
export interface ExplainOptions {
  request?: string;
  pod?: string;
  epoch?: string;
  sequence?: string;
  row?: string;
  feature?: string;
  service?: string;
  entity?: string[];
  at?: string;
  input?: string[];
}

type Explain = (project: Project, database: RegistryDatabase) => Promise<ExplainedVector[]>;

/**
 * What to explain, by the options of the command line.
 *
 * @throws REG_USAGE when they do not say it
 */
export function askedBy(options: ExplainOptions): Explain {
  const { request, pod, epoch, sequence, service, entity, at, feature } = options;
  const narrowed = {
    ...(options.row === undefined ? {} : { row: wholeNumber('row', options.row) }),
    ...(feature === undefined ? {} : { feature }),
  };
  if (request !== undefined) {
    return (project, database) => explainRequest(project, database, { requestId: request }, narrowed);
  }
  if (pod !== undefined && epoch !== undefined && sequence !== undefined) {
    const wanted = { pod, epoch, sequence: wholeNumber('sequence', sequence) };
    return (project, database) => explainRequest(project, database, wanted, narrowed);
  }
  if (service !== undefined && at !== undefined) {
    const us = parseTimestamp(at);
    if (us === null) throw usage('at', `--at: expected a time such as 2026-11-21T11:42:00Z, got ${at}`);
    const asked = { service, keys: keysOf(entity ?? []), atUs: Number(us), inputs: options.input ?? [] };
    return async (project, database) => [await explainEntity(project, database, asked, narrowed)];
  }
  const ways = [
    { pod, epoch, sequence },
    { service, entity, at },
  ];
  const begun = ways.find((way) => Object.values(way).some((one) => one !== undefined));
  if (begun === undefined) throw usage('request', 'it is not said what to explain');
  // A service may have no join keys; one that has some says which are missing.
  const needed = Object.keys(begun).filter((name) => name !== 'entity');
  const missing = needed.filter((name) => begun[name as keyof typeof begun] === undefined);
  throw usage(missing[0]!, `missing: ${missing.map((name) => `--${name}`).join(', ')}`);
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usage(option, `--${option}: expected a whole number from 0 on, got ${JSON.stringify(text)}`);
}

function keysOf(pairs: readonly string[]): Record<string, string> {
  const keys: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw usage('entity', `--entity: expected key=value, got ${JSON.stringify(pair)}`);
    const key = pair.slice(0, at);
    if (Object.hasOwn(keys, key)) throw usage('entity', `--entity ${key} is given twice`);
    keys[key] = pair.slice(at + 1);
  }
  return keys;
}

function usage(field: string, message: string): Error {
  return registryError('REG_USAGE', message, {
    field,
    help:
      'Give --request ID, or --pod, --epoch and --sequence, or --service, --entity and --at; ' +
      '`plumb explain --help` has them all.',
  });
}
