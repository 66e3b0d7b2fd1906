/**
 * The actions of a Delta table's log, as reader 1 and writer 2 know them: each is one line of JSON in an entry.
 *
 *   protocol    what a reader and a writer must know: always 1 and 2 here
 *   metaData    the table's id and its columns
 *   add         a file is part of the table from this entry on; `dataChange` is false where its rows were there before
 *   remove      a file is no longer part of it; the file itself stays for readers that began earlier
 *   txn         how far a named writer has come
 *   commitInfo  who wrote the entry and why; readers of other makers pass over what they do not know
 *
 * An entry that another maker wrote may hold actions and fields that are not named here. Fields are passed over;
 * actions and versions that change what the rows are, are refused, since to pass over them would be to read other rows.
 */
import { registryError } from '../../contract/errors.ts';

interface ProtocolAction {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
}

export interface MetaDataAction {
  readonly id: string;
  readonly format: { readonly provider: 'parquet'; readonly options: Readonly<Record<string, string>> };
  /** The columns: see table-schema.ts. */
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly createdTime: number;
}

export interface AddAction {
  /** Below the table's folder, percent-encoded as in a URL. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  /** JSON of FileStats. */
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface RemoveAction {
  readonly path: string;
  readonly deletionTimestamp: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata: boolean;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly tags?: Readonly<Record<string, string>>;
}

interface TxnAction {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated?: number;
}

/** Free in Delta but for `timestamp` and `operation`; a table's own facts stand under one name of their own. */
interface CommitInfoAction {
  readonly timestamp: number;
  readonly operation: string;
  readonly engineInfo?: string;
  readonly plumbline?: unknown;
}

/** One line of an entry: exactly one of its fields is there. */
export type DeltaAction =
  | { readonly commitInfo: CommitInfoAction }
  | { readonly protocol: ProtocolAction }
  | { readonly metaData: MetaDataAction }
  | { readonly txn: TxnAction }
  | { readonly add: AddAction }
  | { readonly remove: RemoveAction };

/** What a file's footer says, as Delta writes it: readers leave out files that cannot hold what they look for. */
export interface FileStats {
  readonly numRecords: number;
  readonly minValues: Readonly<Record<string, string>>;
  readonly maxValues: Readonly<Record<string, string>>;
  readonly nullCount: Readonly<Record<string, number>>;
}

export const READER_VERSION = 1;
export const WRITER_VERSION = 2;

const KINDS = ['commitInfo', 'protocol', 'metaData', 'txn', 'add', 'remove'] as const;

/** @returns the text of an entry: one action a line */
export function entryText(actions: readonly DeltaAction[]): string {
  return actions.map((action) => `${JSON.stringify(action)}\n`).join('');
}

/**
 * @param file  the entry's, for messages
 * @throws REG_STORE when a line is no action, or one that this reader does not know
 */
export function parseEntry(text: string, file: string): DeltaAction[] {
  const actions: DeltaAction[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const fault = (why: string): Error =>
      registryError('REG_STORE', `${file}, line ${i + 1}: ${why}`, {
        file,
        help: 'Put the entry back from a copy: without it nobody can tell which files of the table count.',
      });
    let action: unknown;
    try {
      action = JSON.parse(line);
    } catch (error) {
      throw fault(`expected an action of a Delta table's log as JSON: ${(error as Error).message}`);
    }
    const why = faultOf(action);
    if (why !== null) throw fault(why);
    actions.push(action as DeltaAction);
  }
  return actions;
}

/** @returns what is wrong with an action, or null */
function faultOf(action: unknown): string | null {
  if (!isRecord(action)) return 'expected an action of a Delta table’s log, a JSON object';
  const names = Object.keys(action);
  const kind = KINDS.find((name) => name in action);
  // Checkpoints of domains and the like say nothing of the rows; what changes the rows raises the protocol's versions.
  if (kind === undefined) return names.length > 0 ? null : 'the action is empty';
  const body = action[kind];
  if (!isRecord(body)) return `expected an object in ${kind}`;
  if (kind === 'protocol') return protocolFault(body);
  if (kind === 'metaData' && typeof body['schemaString'] !== 'string')
    return 'expected a schemaString in metaData';
  if ((kind === 'add' || kind === 'remove') && typeof body['path'] !== 'string')
    return `expected a path in ${kind}`;
  if ('deletionVector' in body && body['deletionVector'] !== null)
    return `${kind} has a deletion vector, which this reader does not know`;
  return null;
}

function protocolFault(body: Record<string, unknown>): string | null {
  const { minReaderVersion: reader, minWriterVersion: writer } = body;
  if (typeof reader !== 'number' || typeof writer !== 'number')
    return 'expected minReaderVersion and minWriterVersion as numbers in protocol';
  if (reader <= READER_VERSION && writer <= WRITER_VERSION) return null;
  const own = `${READER_VERSION} and ${WRITER_VERSION}`;
  return `the table asks for reader ${reader} and writer ${writer}, and plumb is ${own}: another program raised them`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
