/** What a function can reach of its realm. */
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { makeRealm } from '../../../../contract/on-demand/realm.ts';

/** Goes from the global object, and what the language makes, to all that names, accessors and prototypes lead to. */
const WALK = `(() => {
  const { getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, getPrototypeOf, isFrozen } = Object;
  const seen = new Set();
  const open = [];
  const walk = (value, way) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
    seen.add(value);
    if (!isFrozen(value)) open.push(way);
    walk(getPrototypeOf(value), way + ' prototype');
    for (const name of [...getOwnPropertyNames(value), ...getOwnPropertySymbols(value)]) {
      const { value: inner, get, set } = getOwnPropertyDescriptor(value, name);
      for (const one of [inner, get, set]) walk(one, way + ' ' + String(name));
      if (get === undefined) continue;
      try { walk(value[name], way + ' ' + String(name) + '()'); } catch {}
    }
  };
  const iterator = [].values();
  const made = {
    generator: function* () {}, asyncGenerator: async function* () {}, async: async () => {}, promise: (async () => {})(),
    generators: getPrototypeOf((function* () {})()), asyncGenerators: getPrototypeOf((async function* () {})()),
    list: [].values(),
    map: new Map().values(), set: new Set().values(), text: ''[Symbol.iterator](), match: 'x'.matchAll(/x/g),
    typed: new Uint8Array(1).values(),
    mapped: iterator.map((x) => x), flat: iterator.flatMap((x) => [x]),
    filtered: iterator.filter((x) => x), taken: iterator.take(1), dropped: iterator.drop(1),
    wrapped: iterator.constructor.from({ next() {} }), args: (function () { return arguments })(),
    symbol: Object(Symbol.iterator), big: Object(1n), grouped: Map.groupBy([1], (x) => x), bytes: new ArrayBuffer(8),
  };
  for (const [name, value] of Object.entries(made)) {
    walk(getPrototypeOf(value), name);
    walk(value.constructor, name + ' constructor');
  }
  try { null.x } catch (error) { walk(getPrototypeOf(error), 'error'); }
  walk(this, 'global');
  return open.join('\\n');
})()`;

test('all of it is frozen: nothing there can remember a call', () => {
  const { context } = makeRealm();
  expect(new Script(WALK).runInContext(context)).toBe('');
});
