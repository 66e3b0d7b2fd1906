/**
 * How labels say which vector is theirs: by the id of the request that was answered and the row in it, or by the
 * service's keys and a time within which it was answered.
 */
import { keyPoliciesOf } from '../../contract/log-privacy.ts';
import { LOG_POLICIES } from '../../contract/wire/log/served-record.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { trainingError } from '../errors.ts';
import { numberOf } from '../labels/label-file.ts';
import { readLabels } from '../labels/training-labels.ts';
import type { LabelKey } from '../labels/label-casts.ts';
import type { Labels } from '../labels/training-labels.ts';
import type { SetMaking } from '../set-features.ts';
import { timeColumnOf, withinUsOf } from '../train-options.ts';
import type { MetKey } from './met-vectors.ts';
import type { ServedFolder } from './served-folder.ts';

const REQUEST = 'request_id';
const ROW = 'row';

/** A request's rows are numbered from 0, and a label that names none means the first. */
const REQUEST_KEYS: readonly LabelKey[] = [
  { name: REQUEST, type: 'string' },
  { name: ROW, type: 'int64', isOptional: true },
];

export interface LogLabels {
  readonly by: 'request' | 'entity';
  readonly labels: Labels;
  readonly keys: readonly MetKey[];
  /** How long before its label a vector was answered at the earliest; null: however long. */
  readonly withinUs: number | null;
}

/** @throws TRAIN_LABELS, REG_USAGE, and TRAIN_MASKED where the log has no ids to look for */
export async function readLogLabels(making: SetMaking): Promise<LogLabels> {
  const { duck, service, options, bundle } = making;
  const withinUs = withinUsOf(options);
  const by = numberOf(making.labels, REQUEST) === -1 ? 'entity' : 'request';
  if (by === 'entity' && service.requestKeys.length === 0) throw keyless(making);
  if (by === 'entity' && withinUs === null) throw neither(making);
  if (by === 'entity') {
    const at = keyPoliciesOf(bundle, service).findIndex((policy) => LOG_POLICIES[policy] !== 'raw');
    if (at !== -1) throw hidden(service.requestKeys[at]!.name);
  }
  const keys = by === 'request' ? REQUEST_KEYS : service.requestKeys;
  const labels = await readLabels(duck, making.labels, {
    keys,
    timeColumn: timeColumnOf(options),
    service: service.name,
    added: [],
  });
  return { by, labels, keys: by === 'request' ? requestKeys() : entityKeys(keys), withinUs };
}

function requestKeys(): MetKey[] {
  return [
    { label: 'key_0', served: '_request_id' },
    { label: 'coalesce(key_1, 0)', served: '_row::BIGINT' },
  ];
}

function entityKeys(keys: readonly LabelKey[]): MetKey[] {
  return keys.map(({ name }, i) => ({ label: `key_${i}`, served: quoteName(name) }));
}

/**
 * @returns the folders in which the labels' vectors can be looked for; those of older versions may have other join keys
 * @throws  TRAIN_MASKED where ids stand in one as HMACs
 */
export function searchedFolders(
  folders: readonly ServedFolder[],
  by: LogLabels['by'],
  { requestKeys: keys }: SetMaking['service'],
): readonly ServedFolder[] {
  if (by === 'request') return folders;
  const hashed = keys.find(({ name }) => folders.some((folder) => folder.has(`${name}__hmac`)));
  if (hashed !== undefined) throw hidden(hashed.name);
  return folders.filter((folder) => keys.every(({ name, type }) => folder.hasOfType(name, { kind: type })));
}

function neither(making: SetMaking): Error {
  const keys = making.service.requestKeys.map(({ name }) => name).join(' and ');
  return noRequest(
    making,
    `Give labels with ${REQUEST}, or find the vectors by ${keys} and the label's time: --within 5s.`,
  );
}

/** Without keys nothing but the request says which vector is a label's. */
function keyless(making: SetMaking): Error {
  const { name } = making.service;
  return noRequest(making, `Give labels with ${REQUEST}: ${name} has no join keys to find its vectors by.`);
}

function noRequest({ labels: { file, columns } }: SetMaking, help: string): Error {
  const message = `${file} has no column ${REQUEST}, by which vectors of the log are found; it has ${columns.join(', ')}`;
  return trainingError('TRAIN_LABELS', message, { file, field: REQUEST, help });
}

function hidden(key: string): Error {
  return trainingError('TRAIN_MASKED', `the log does not have the ids of ${key} as they are`, {
    field: key,
    help: `Give labels with ${REQUEST}: the definitions keep these ids out of the log.`,
  });
}
