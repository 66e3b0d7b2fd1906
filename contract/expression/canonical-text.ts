/**
 * The text of an expression that goes into a definition's hash. It does not depend on blanks, needless brackets or the
 * case of keywords; columns keep the case in which they are written.
 */
import type { Syntax } from './syntax.ts';
import { isPlainName } from './token.ts';

/** @returns text that `parseExpression` reads back into an equal tree, places apart */
export function canonicalText(node: Syntax): string {
  const text = nested(node);
  return node.kind === 'call' || !text.startsWith('(') ? text : text.slice(1, -1);
}

/** In brackets where it is more than one word. */
function nested(node: Syntax): string {
  switch (node.kind) {
    case 'column':
      return isPlainName(node.name) ? node.name : `"${node.name.replaceAll('"', '""')}"`;
    case 'int':
      return String(node.value);
    case 'float':
      return floatText(node.value);
    case 'string':
      return `'${node.value.replaceAll("'", "''")}'`;
    case 'bool':
      return String(node.value);
    case 'null':
      return 'null';
    case 'not':
      return `(not ${nested(node.operand)})`;
    case 'minus':
      return `(-(${nested(node.operand)}))`;
    case 'binary':
      return `(${nested(node.left)} ${node.operator} ${nested(node.right)})`;
    case 'isNull':
      return `(${nested(node.operand)} is ${node.negated ? 'not ' : ''}null)`;
    case 'in':
      return `(${nested(node.operand)} ${node.negated ? 'not ' : ''}in (${node.items.map(nested).join(', ')}))`;
    case 'case': {
      const branches = node.branches.map(({ when, value }) => `when ${nested(when)} then ${nested(value)}`);
      const otherwise = node.otherwise === null ? '' : ` else ${nested(node.otherwise)}`;
      return `case ${branches.join(' ')}${otherwise} end`;
    }
    case 'call':
      return `${node.name}(${node.args.map(nested).join(', ')})`;
  }
}

/** With a point or an exponent: 1 would be read as an integer. */
function floatText(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
