/** What the archive has of on-demand views of one request: the inputs that it brought, what each view gave. */
import type { Bundle, FeatureService } from '../../../contract/model.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import { duckTypeOf, valueFromDuck } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import {
  UNDECODED_INPUTS,
  UNDECODED_OUTPUTS,
  inputColumn,
  statusColumn,
} from '../../archive/computed-shape.ts';
import type { ServedFiles } from '../../replay/served-files.ts';

export interface LoggedComputed {
  /** By name; what is marked is null. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** By the feature's full name, before fallbacks; what is marked is null. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** PRESENT or UNAVAILABLE, by the view's role; without those of which the archive has nothing. */
  readonly statuses: ReadonlyMap<string, string>;
  /** Whether bytes of inputs or outputs cannot be read. */
  readonly isUndecoded: boolean;
}

interface NamedColumn {
  readonly name: string;
  readonly column: string;
  readonly type: ValueType;
}

const TEXT: ValueType = { kind: 'string' };
const BYTES: ValueType = { kind: 'bytes' };

/**
 * @param where    which vectors of the files
 * @param service  as the bundle that answered has it
 * @returns        by the number of the vector in its request
 */
export async function loggedComputed(
  duck: DuckDb,
  { files, where }: { readonly files: ServedFiles; readonly where: string },
  service: FeatureService,
  bundle: Bundle,
): Promise<Map<number, LoggedComputed>> {
  if (service.onDemand.length === 0) return new Map();
  const inputs = service.inputs
    .filter(({ requestTime }) => !requestTime)
    .map(({ name, type }): NamedColumn => ({ name, column: inputColumn(name), type }));
  const outputs = service.features.flatMap(({ fullName: name, view, feature }): NamedColumn[] => {
    const found = bundle.onDemand.get(view)?.features.find((one) => one.name === feature);
    return found === undefined ? [] : [{ name, column: name, type: found.type }];
  });
  const statuses = service.onDemand.map(({ role }): NamedColumn => ({
    name: role,
    column: statusColumn(role),
    type: TEXT,
  }));
  const undecoded = [UNDECODED_INPUTS, UNDECODED_OUTPUTS].map((column): NamedColumn => ({
    name: column,
    column,
    type: BYTES,
  }));
  const all = [...inputs, ...outputs, ...statuses, ...undecoded];
  const vectors = files.vectorsWith(
    all.map(({ column, type }) => ({ name: column, type: duckTypeOf(type) })),
  );
  const rows = await duck.rows(`SELECT * FROM (${vectors}) ${where}`);
  return new Map(
    rows.map((row): [number, LoggedComputed] => {
      const valueOf = (one: NamedColumn): Value => valueFromDuck(one.type, row[`w${all.indexOf(one)}`]!);
      const named = (own: readonly NamedColumn[]) => own.map((one) => [one.name, valueOf(one)] as const);
      const given = named(statuses).filter(([, status]) => status !== null) as [string, string][];
      const logged = {
        inputs: new Map(named(inputs)),
        outputs: new Map(named(outputs)),
        statuses: new Map(given),
        isUndecoded: undecoded.some((one) => valueOf(one) !== null),
      };
      return [row['row_index'] as number, logged];
    }),
  );
}
