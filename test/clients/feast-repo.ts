/** A Feast repository beside a served project, Feast's own client in it, and what that client reads. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import type { feastDefinitions } from './served-shop.ts';

type FeastDefinitions = ReturnType<typeof feastDefinitions>;

/** What `feast_client.py` is asked, see there. */
export interface FeastRequest {
  readonly features?: readonly string[];
  readonly service?: string;
  readonly entities?: Readonly<Record<string, readonly (bigint | string | null)[]>>;
  readonly rows?: boolean;
  readonly full?: boolean;
  readonly read?: string;
  readonly key?: string;
  readonly values?: readonly (bigint | string)[];
}

/** A value as Python had it: int is a bigint, float a number, datetime a Date. */
export type PythonValue = null | boolean | bigint | number | string | Date | readonly PythonValue[];

export interface FeastColumn {
  readonly values: readonly PythonValue[];
  /** The field of Feast's Value that is set: `int64_val`; null for none. */
  readonly kinds: readonly (string | null)[];
  readonly statuses: readonly string[];
}

export interface FeastAnswer {
  readonly names: readonly string[];
  readonly columns: Readonly<Record<string, FeastColumn>>;
  /** Of `read`: the event time that the client took from the answer. */
  readonly time: PythonValue;
  /** The Python class and text of what the client raised, or null. */
  readonly error: string | null;
}

/**
 * @param onlineStore  the lines below `online_store:`
 * @returns            the repository's folder
 */
export function makeFeastRepo(folder: string, onlineStore: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const lines = [
    'project: shop',
    'provider: local',
    'registry: registry.db',
    'entity_key_serialization_version: 3',
    'online_store:',
    ...onlineStore.map((line) => `  ${line}`),
  ];
  writeFileSync(join(folder, 'feature_store.yaml'), `${lines.join('\n')}\n`);
  return folder;
}

/**
 * Applies the definitions in each repository and asks through Feast's client.
 *
 * @returns  for each repository one answer a request
 */
export async function askFeast(
  python: PythonEnvironment,
  folders: readonly string[],
  definitions: FeastDefinitions,
  requests: readonly FeastRequest[],
): Promise<FeastAnswer[][]> {
  const input = exactJson(folders.map((folder) => ({ folder, definitions, requests })));
  const text = await python.run('test/clients/feast_client.py', { input });
  return (JSON.parse(text) as RawAnswer[][]).map((answers) => answers.map(readAnswer));
}

interface RawAnswer {
  readonly names?: readonly string[];
  readonly columns?: readonly { values: unknown[]; kinds: string[]; statuses: string[] }[];
  readonly time?: unknown;
  readonly error?: string;
  readonly message?: string;
}

function readAnswer({ names = [], columns = [], time, error, message }: RawAnswer): FeastAnswer {
  const read = columns.map((column) => ({ ...column, values: column.values.map(pythonValue) }));
  return {
    names,
    columns: Object.fromEntries(names.map((name, i) => [name, read[i]!])),
    time: pythonValue(time ?? null),
    error: error === undefined ? null : `${error}: ${message}`,
  };
}

function pythonValue(json: unknown): PythonValue {
  if (Array.isArray(json)) return json.map(pythonValue);
  if (typeof json !== 'object' || json === null) return json as PythonValue;
  const { int, float, time } = json as { int?: string; float?: string; time?: string };
  if (int !== undefined) return BigInt(int);
  if (float !== undefined) return Number(float);
  if (time !== undefined) return new Date(time);
  throw new TypeError(`unexpected value ${JSON.stringify(json)}`);
}

/** JSON in which a bigint is an integer with all its digits. */
export function exactJson(value: unknown): string {
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? raw(item.toString()) : item,
  );
}
