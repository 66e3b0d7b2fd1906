/** Makes rows as they stand online from rows of the table that `chooseRows` filled. */
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { tombstone, TOMBSTONE_MS } from '../../contract/wire/online/row-header.ts';
import { appendRejected } from '../run/reject-file.ts';
import { rejectFile } from '../run/run-folders.ts';
import type { ViewRun } from '../run/view-run.ts';
import { CREATED_US, DELETED, EVENT_US } from './latest-rows.ts';
import type { OnlineRow } from './online-writer.ts';

export class RowMaker {
  readonly #view: ViewRun['view'];
  readonly #entity: ViewRun['entity'];
  readonly #keyPrefix: string;
  readonly #rejectFile: string;
  readonly #encoder: RowEncoder;
  readonly #superseded: readonly number[];
  readonly #expiresInMs: number | null;

  constructor({
    view,
    entity,
    bundle,
    settings,
    runId,
  }: Pick<ViewRun, 'view' | 'entity' | 'bundle' | 'settings' | 'runId'>) {
    this.#view = view;
    this.#entity = entity;
    this.#keyPrefix = settings.online.keyPrefix;
    this.#rejectFile = rejectFile(settings.work, view, runId, '.online');
    this.#encoder = new RowEncoder(view);
    this.#superseded = (bundle.schemas.get(view.id) ?? [])
      .map((schema) => schema.definitionId)
      .filter((id) => id !== view.definitionId);
    this.#expiresInMs =
      view.kind !== 'aggregated' && view.ttlUs !== null ? Math.ceil((2 * view.ttlUs) / 1_000) : null;
  }

  /** @returns null when the row does not fit its definition after all: it is then in the reject file */
  make(row: SqlRow, writtenMs: number): OnlineRow | null {
    const [view, entity] = [this.#view, this.#entity];
    try {
      const keys = entity.joinKeys.map(({ name }) => row[name] as KeyValue);
      const createdUs = Number(row[CREATED_US] ?? 0);
      const eventUs = Number(row[EVENT_US]);
      const key = entityKeyOf(this.#keyPrefix, entity, keys);
      const own = { key, view: view.id, superseded: this.#superseded };
      if (row[DELETED] === true) {
        const header = { definitionId: view.definitionId, eventUs, createdUs, writtenMs };
        return { ...own, row: tombstone(header), expiresInMs: TOMBSTONE_MS };
      }
      const values: Value[] = [];
      for (const { name, type } of view.features) values.push(valueFromDuck(type, row[name]!));
      const bytes = this.#encoder.encode(eventUs, createdUs, writtenMs, values);
      return { ...own, row: bytes, expiresInMs: this.#expiresInMs };
    } catch (error) {
      const key = entity.joinKeys.map(({ name }) => `${name}=${String(row[name])}`).join(' ');
      appendRejected(this.#rejectFile, key, (error as Error).message);
      return null;
    }
  }
}
