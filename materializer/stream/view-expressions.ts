/**
 * A view's `where` and `select` over the values of an event: which events count, and columns that are computed. The
 * functions are the reference that batch's SQL is tested against.
 */
import { compileExpression, OverflowFault } from '../../contract/expression/evaluate.ts';
import type { ExpressionValue } from '../../contract/expression/evaluate.ts';
import { expressionTypeOf } from '../../contract/expression/expression-type.ts';
import { resolveExpression } from '../../contract/expression/resolve.ts';
import type { ExpressionType } from '../../contract/expression/resolve.ts';
import { parseExpression } from '../../contract/expression/syntax.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

type Row = readonly Value[];

/** What expressions make of an event: its values with the computed ones behind them, or why it does not count. */
type Computed =
  | { readonly kind: 'row'; readonly values: Row }
  | { readonly kind: 'excluded' }
  | { readonly kind: 'refused'; readonly reason: string };

interface ViewExpressions {
  /** Of the fields of the source, then of the computed columns. */
  readonly names: readonly string[];
  compute(values: Row): Computed;
}

const EXCLUDED = { kind: 'excluded' } as const;

/** @param view  over a stream; applying it has shown that its expressions fit the fields */
export function viewExpressions({ source, where, select }: FeatureView): ViewExpressions {
  const { fields } = source.stream!;
  const types = new Map(fields.map(({ name, type }) => [name, expressionTypeOf(type)]));
  const reads = new Map(fields.map(({ name, type }, i) => [name, readerOf(type, i)]));
  const compile = (text: string, expected: ExpressionType | null) =>
    compileExpression<Row>(resolveExpression(parseExpression(text), types, expected), (name) =>
      reads.get(name)!,
    );
  const counts = where === null ? null : compile(where, 'bool');
  const columns = select.map(({ name, expression }) => ({ name, valueOf: compile(expression, null) }));
  const names = [...fields.map(({ name }) => name), ...columns.map(({ name }) => name)];
  return {
    names,
    compute(values) {
      let part = 'where';
      try {
        if (counts !== null && counts(values) !== true) return EXCLUDED;
        if (columns.length === 0) return { kind: 'row', values };
        const all = [...values];
        for (const { name, valueOf } of columns) {
          part = name;
          all.push(valueOf(values));
        }
        return { kind: 'row', values: all };
      } catch (fault) {
        if (!(fault instanceof OverflowFault)) throw fault;
        return { kind: 'refused', reason: `${part} is past 64 bits` };
      }
    },
  };
}

/** Reads a field as expressions have it: integers are bigint, NaN and infinite times are null. */
function readerOf({ kind }: ValueType, place: number): (row: Row) => ExpressionValue {
  switch (kind) {
    case 'int32':
      return (row) => (row[place] === null ? null : BigInt(row[place] as number));
    case 'float32':
    case 'float64':
      return (row) => (Number.isNaN(row[place]) ? null : (row[place] as number | null));
    default:
      return (row) => row[place] as ExpressionValue;
  }
}
