/**
 * Whether the files of a source can hold what a view reads from a column, found before any row is read. A type that
 * fits no file is a mistake; one that fits some rows only is a warning.
 */
import { exactCast } from './exact-cast.ts';
import type { FileColumn, SourceFiles } from './source-files.ts';
import { decimalOf, formatSourceType } from './source-type.ts';
import type { SourceType } from './source-type.ts';
import { formatType } from '../../../../contract/value-type.ts';
import type { ValueType } from '../../../../contract/value-type.ts';

/** fits: `types` is what stands in the files · twice: `types` are names that differ only in case */
export interface ColumnFit {
  readonly state: 'fits' | 'missing' | 'twice' | 'misfit';
  readonly types: string;
  /** What is read with loss of rows or digits, one sentence each. */
  readonly warnings: readonly string[];
}

export function columnFit(source: SourceFiles, column: string, wanted: ValueType): ColumnFit {
  const found = columnsNamed(source, column);
  const warnings: string[] = [];
  if (found.length === 0) return { state: 'missing', types: '', warnings };
  const twice = found.find(({ columns }) => columns.length > 1);
  if (twice !== undefined) {
    return { state: 'twice', types: twice.columns.map((c) => `"${c.name}"`).join(' and '), warnings };
  }
  const types = [...new Set(found.map(({ columns }) => formatSourceType(columns[0]!.type)))].join(' and ');
  const fitting = found.filter(({ columns }) => isOfKind(columns[0]!.type, wanted));
  if (fitting.length === 0) return { state: 'misfit', types, warnings };
  for (const { columns, files } of found) {
    const { type } = columns[0]!;
    const doubt = doubtOf(type, wanted);
    if (doubt === null) continue;
    const where = found.length === 1 ? '' : ` in ${fileCount(files)}`;
    warnings.push(
      `column "${column}" is ${formatSourceType(type)}${where}, read as ${formatType(wanted)}: ${doubt}`,
    );
  }
  return { state: 'fits', types, warnings };
}

/** The columns of a name, for each group that has it. */
export function columnsNamed(
  source: SourceFiles,
  column: string,
): { readonly columns: readonly FileColumn[]; readonly files: readonly string[] }[] {
  return source.groups.flatMap(({ columns, files }) => {
    const own = columns.get(column.toLowerCase());
    return own === undefined ? [] : [{ columns: own, files }];
  });
}

/** @returns the names of all columns of a source, each once */
export function columnNames(source: SourceFiles): string[] {
  return [
    ...new Set(source.groups.flatMap(({ columns }) => [...columns.values()].flat().map((c) => c.name))),
  ];
}

export function twiceText(path: string, names: string): string {
  return `source ${path} has columns ${names}, which differ only in case and are one to an engine; rename one`;
}

function fileCount(files: readonly string[]): string {
  return files.length === 1 ? files[0]! : `${files.length} files (${files[0]!} is one)`;
}

const isText = (type: SourceType): boolean =>
  type.kind === 'scalar' && /^(VARCHAR|JSON|ENUM\()/.test(type.name);
const isTruth = (type: SourceType): boolean => type.kind === 'scalar' && type.name === 'BOOLEAN';

/** Text may hold a number, and a number a bool, but a definition that says so most likely means another column. */
function isOfKind(from: SourceType, wanted: ValueType): boolean {
  if (exactCast(from, wanted, 'x').fit === 'none') return false;
  if (from.kind === 'scalar' && (from.name === 'NULL' || from.name === 'PATH')) return true;
  if (wanted.kind === 'bool') return isTruth(from);
  if (wanted.kind === 'int32' || wanted.kind === 'int64' || wanted.kind === 'timestamp') return !isText(from);
  if (wanted.kind === 'struct' && from.kind === 'struct') {
    return wanted.fields.every(({ name, type }) => {
      const own = from.fields.find((f) => f.name.toLowerCase() === name.toLowerCase());
      return own !== undefined && isOfKind(own.type, type);
    });
  }
  if ((wanted.kind === 'list' || wanted.kind === 'map') && (from.kind === 'list' || from.kind === 'map'))
    return isOfKind(from.of, wanted.of);
  return true;
}

/** What may be lost of a column, or null. Infinity and the length of an embedding are told of row by row alone. */
function doubtOf(from: SourceType, wanted: ValueType): string | null {
  const { fit } = exactCast(from, wanted, 'x');
  if (fit === 'none') return 'no value fits, and its rows are left out';
  if (from.kind !== 'scalar') return null;
  if (from.name === 'NULL') return 'it holds nothing but nulls';
  const decimal = decimalOf(from);
  if (wanted.kind === 'float64' && decimal !== null && decimal.precision > 15 && decimal.scale > 0)
    return 'past 15 digits the nearest double is taken';
  if (fit === 'all' || from.name === 'PATH') return null;
  if (wanted.kind === 'int32' || wanted.kind === 'int64')
    return 'rows whose value is no whole number in range (of doubles within 2^53) are left out';
  if (wanted.kind === 'float64' || (wanted.kind === 'float32' && from.name !== 'DOUBLE' && decimal === null))
    return `rows whose value has no ${wanted.kind} of its own are left out`;
  if (wanted.kind === 'bool') return 'rows whose value is neither 0 nor 1 are left out';
  return isText(from) ? 'rows whose value is no RFC 3339 time are left out' : null;
}
