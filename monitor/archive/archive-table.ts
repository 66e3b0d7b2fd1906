/**
 * The rows of one shape on their way into Parquet: columns that are filled row by row, appended to a table in DuckDB
 * by the chunk, and written as one file an hour.
 *
 * What many rows have in common (pod, epoch, bundle, ...) stands in them as a number and becomes text when the file is
 * written. `next` is where the next row is filled in; a place that is not filled holds what a row before it had.
 */
import { EXACT_FLOATS, quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { ColumnPage, DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { CHUNK_ROWS, Column } from '../../project/engine/duckdb/column.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { ROW_SOURCES, STATUSES, UNAVAILABLE_REASONS } from '../../contract/status.ts';
import { duckTypeOf } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import { LOG_HMAC, SURFACES } from '../../contract/wire/log/served-record.ts';
import { hmacColumn, viewColumn } from './archive-shape.ts';
import type { ArchiveShape, RecordHead } from './archive-shape.ts';
import { UNDECODED_INPUTS, UNDECODED_OUTPUTS, outputsColumn, statusColumn } from './computed-shape.ts';
import type { ShapeComputed, ShapeValue } from './computed-shape.ts';
import { columnOf } from './value-column.ts';

const HOUR_US = 3_600_000_000;

/** The columns of one view's row, in the order of the struct. */
export interface RoleColumns {
  readonly status: Column;
  readonly reason: Column;
  readonly source: Column;
  readonly fetched: Column;
  readonly watermark: Column;
  readonly eventTime: Column;
  readonly createdTime: Column;
  readonly writtenTime: Column;
  readonly definitionId: Column;
  readonly rowHash: Column;
  readonly undecoded: Column;
}

export interface ValueColumns {
  readonly values: Column;
  /** null: its values are not hashed. */
  readonly hmacs: Column | null;
}

/** Of on-demand views: a status each, in the order of the shape, and what they took and gave. */
export interface ComputedColumns {
  readonly statuses: readonly Column[];
  readonly inputs: readonly ValueColumns[];
  readonly outputs: readonly ValueColumns[];
  readonly undecodedInputs: Column;
  readonly undecodedOutputs: Column;
}

export interface Origin {
  readonly pod: string;
  readonly epoch: string;
  readonly clockOffsetUs: number;
}

export class ArchiveTable {
  readonly shape: ArchiveShape;
  readonly hour = new Column('bits32');
  readonly head = new Column('bits32');
  readonly origin = new Column('bits32');
  readonly requestId = new Column('text');
  readonly row = new Column('bits32');
  readonly sequence = new Column('bits64');
  readonly servedTime = new Column('bits64');
  readonly answer = new Column('text');
  readonly keys: readonly ValueColumns[];
  readonly roles: readonly RoleColumns[];
  readonly features: readonly ValueColumns[];
  /** null: no on-demand view was computed. */
  readonly computed: ComputedColumns | null;
  readonly #name: string;
  readonly #duck: DuckDb;
  readonly #columns: Column[] = [];
  /** For each column of the table its type in SQL. */
  readonly #types: string[] = [];
  /** For each column of the file what it is made of; it is asked for when all rows are there. */
  readonly #selected: (() => string)[] = [];
  readonly #heads: RecordHead[] = [];
  readonly #origins = new Map<Origin, number>();
  readonly #hours = new Map<number, number>();
  readonly rowBytes: number;
  readonly #pages: (ColumnPage & { readonly hours: ReadonlySet<number> })[] = [];
  #pageHours = new Set<number>();
  /** Where the next row is filled in. */
  next = 0;

  /** @param name  of its table in DuckDB */
  constructor(duck: DuckDb, name: string, shape: ArchiveShape) {
    this.#duck = duck;
    this.#name = name;
    this.shape = shape;
    this.#own();
    this.keys = shape.keys.map(({ name: key, type, policy }) => {
      const values = this.#add(columnOf({ kind: type }), duckKeyType(type), key);
      const hmacs = policy === LOG_HMAC ? this.#add(new Column('text'), 'BLOB', hmacColumn(key)) : null;
      return { values, hmacs };
    });
    this.roles = shape.roles.map((role) => this.#role(role));
    this.features = shape.features.map((feature) => this.#value(feature));
    this.computed = shape.computed === null ? null : this.#computed(shape.computed);
    this.rowBytes = this.#columns.reduce((sum, column) => sum + column.rowBytes, 0);
  }

  /** @returns the column's name in the table */
  #column(column: Column, type: string): string {
    this.#columns.push(column);
    this.#types.push(type);
    return `c${this.#columns.length - 1}`;
  }

  #add(column: Column, type: string, name: string): Column {
    const own = this.#column(column, type);
    this.#selected.push(() => `${own} AS ${quoteName(name)}`);
    return column;
  }

  #value({ column, type, hashed }: ShapeValue): ValueColumns {
    const values = this.#add(columnOf(type), duckTypeOf(type), column);
    return { values, hmacs: hashed ? this.#add(new Column('text'), 'BLOB', hmacColumn(column)) : null };
  }

  #computed({ views, inputs, outputs }: ShapeComputed): ComputedColumns {
    return {
      inputs: (inputs ?? []).map((input) => this.#value(input)),
      outputs: (outputs ?? []).map((output) => this.#value(output)),
      statuses: views.map((view) => this.#computedView(view)),
      undecodedInputs: this.#add(new Column('text'), 'BLOB', UNDECODED_INPUTS),
      undecodedOutputs: this.#add(new Column('text'), 'BLOB', UNDECODED_OUTPUTS),
    };
  }

  /** @returns the column of its statuses */
  #computedView({ role, outputs }: ShapeComputed['views'][number]): Column {
    const status = new Column('bits8');
    const own = this.#column(status, 'UTINYINT');
    this.#selected.push(() => `${listOf(STATUSES)}[${own} + 1] AS ${quoteName(statusColumn(role))}`);
    // The same for all rows, since their columns are.
    this.#selected.push(() => `${listOf(outputs)} AS ${quoteName(outputsColumn(role))}`);
    return status;
  }

  #own(): void {
    this.#column(this.hour, 'INTEGER');
    this.#column(this.head, 'INTEGER');
    this.#column(this.origin, 'INTEGER');
    this.#add(this.requestId, 'VARCHAR', '_request_id');
    this.#add(this.row, 'INTEGER', '_row');
    this.#common('_pod', () => this.#ofOrigins('VARCHAR', ({ pod }) => quoteText(pod)));
    this.#common('_epoch', () => this.#ofOrigins('VARCHAR', ({ epoch }) => quoteText(epoch)));
    this.#add(this.sequence, 'BIGINT', '_sequence');
    this.#add(this.servedTime, 'TIMESTAMPTZ', '_served_time');
    this.#common('_clock_offset', () => this.#ofOrigins('BIGINT', ({ clockOffsetUs: us }) => String(us)));
    this.#common('_surface', () => this.#ofHeads('VARCHAR', ({ surface }) => quoteText(SURFACES[surface]!)));
    this.#common('_bundle', () => this.#ofHeads('VARCHAR', ({ bundle }) => quoteText(bundle)));
    this.#common('_service_version', () => this.#ofHeads('INTEGER', (head) => String(head.serviceVersion)));
    this.#common('_hmac_key', () =>
      this.#ofHeads('VARCHAR', ({ hmacKeyId: id }) => (id === '' ? 'NULL' : quoteText(id))),
    );
    this.#add(this.answer, 'BLOB', '_answer');
  }

  #common(name: string, sql: () => string): void {
    this.#selected.push(() => `${sql()} AS ${name}`);
  }

  #ofHeads(type: string, literal: (head: RecordHead) => string): string {
    return `([${this.#heads.map(literal).join(', ')}]::${type}[])[c1 + 1]`;
  }

  #ofOrigins(type: string, literal: (origin: Origin) => string): string {
    return `([${[...this.#origins.keys()].map(literal).join(', ')}]::${type}[])[c2 + 1]`;
  }

  #role({ role, viewId }: ArchiveShape['roles'][number]): RoleColumns {
    const fields: string[] = [];
    const add = (column: Column, type: string, field: string, texts?: readonly (string | null)[]): Column => {
      const name = this.#column(column, type);
      fields.push(`${field}: ${texts === undefined ? name : `${listOf(texts)}[${name} + 1]`}`);
      return column;
    };
    const columns = {
      status: add(new Column('bits8'), 'UTINYINT', 'status', STATUSES),
      reason: add(new Column('bits8'), 'UTINYINT', 'reason', UNAVAILABLE_REASONS),
      source: add(new Column('bits8'), 'UTINYINT', 'source', ROW_SOURCES),
      fetched: add(new Column('bits64'), 'TIMESTAMPTZ', 'fetched'),
      watermark: add(new Column('bits64'), 'TIMESTAMPTZ', 'watermark'),
      eventTime: add(new Column('bits64'), 'TIMESTAMPTZ', 'event_time'),
      createdTime: add(new Column('bits64'), 'TIMESTAMPTZ', 'created_time'),
      writtenTime: add(new Column('bits64'), 'TIMESTAMPTZ', 'written_time'),
      definitionId: add(new Column('bits64'), 'BIGINT', 'definition_id'),
    };
    fields.push('bundle_definition_id: ');
    const own = fields.length - 1;
    const rowHash = add(new Column('bits64'), 'BIGINT', 'row_hash');
    const undecoded = add(new Column('text'), 'BLOB', 'undecoded');
    this.#selected.push(() => {
      const definitionId = this.#ofHeads('BIGINT', (head) =>
        String(head.definitionIds.get(viewId) ?? 'NULL'),
      );
      return `{${fields.with(own, fields[own]! + definitionId).join(', ')}} AS ${quoteName(viewColumn(role))}`;
    });
    return { ...columns, rowHash, undecoded };
  }

  /** @returns the number that stands in rows for what their records have in common */
  addHead(head: RecordHead): number {
    return this.#heads.push(head) - 1;
  }

  /** @returns the number that stands in rows for who served them */
  originCode(origin: Origin): number {
    const known = this.#origins.get(origin);
    if (known !== undefined) return known;
    this.#origins.set(origin, this.#origins.size);
    return this.#origins.size - 1;
  }

  /** The row at `next` is filled in. */
  endRow(servedUs: number): void {
    const hour = Math.floor(servedUs / HOUR_US);
    this.hour.words[this.next] = hour;
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + 1);
    this.#pageHours.add(hour);
    this.next += 1;
    if (this.next === CHUNK_ROWS) this.#turn();
  }

  /** Begins another page. */
  #turn(): void {
    if (this.next === 0) return;
    const columns = this.#columns.map((column) => column.detach());
    this.#pages.push({ columns, rows: this.next, hours: this.#pageHours });
    this.#pageHours = new Set();
    this.next = 0;
  }

  /** The hours of its rows, since 1970, and how many rows are of each. */
  get hours(): ReadonlyMap<number, number> {
    return this.#hours;
  }

  /** Writes the rows of an hour. */
  async write(hour: number, file: string): Promise<void> {
    this.#turn();
    const name = `${this.#name}_${hour}`;
    await this.#duck.tableOf(name, this.#types, () => this.#pages.filter(({ hours }) => hours.has(hour)));
    await this.#duck.run(
      `COPY (SELECT ${this.#selected.map((sql) => sql()).join(', ')} FROM ${name}() WHERE c0 = ${hour})
       TO ${quoteTarget(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768, ${EXACT_FLOATS})`,
    );
  }
}

function listOf(texts: readonly (string | null)[]): string {
  return `([${texts.map((text) => (text === null ? 'NULL' : quoteText(text))).join(', ')}]::VARCHAR[])`;
}
