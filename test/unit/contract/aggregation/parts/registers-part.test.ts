import { expect, test } from 'vitest';
import { registersPart } from '../../../../../contract/aggregation/parts/registers-part.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

test('a window of registers has the greatest ranks of the tiles that are in it, whichever leaves', () => {
  const { slide } = registersPart(0, { kind: 'string' });
  if (slide.kind !== 'slide') throw new Error('registers slide');
  const random = seededRandom();
  const window = slide.empty();
  const held: Map<number, number>[] = [];
  for (let i = 0; i < 3_000; i++) {
    if (held.length > 12 || (held.length > 0 && random() < 0.4)) {
      slide.leave(window, held.splice(Math.floor(random() * held.length), 1)[0]!);
    } else {
      const ranks = [1, 2, 3].map(() => [Math.floor(random() * 5), 1 + Math.floor(random() * 53)] as const);
      held.push(new Map(ranks));
      slide.enter(window, held.at(-1)!);
    }
    const greatest = new Map<number, number>();
    for (const [register, rank] of held.flatMap((tile) => [...tile])) {
      greatest.set(register, Math.max(rank, greatest.get(register) ?? 0));
    }
    expect(new Map([...window.ranks].toSorted())).toEqual(new Map([...greatest].toSorted()));
  }
});
