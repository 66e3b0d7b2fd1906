/**
 * How the partitions of a topic are shared out among the processes of a group: evenly, and each keeps what it had where
 * it can, since it has the state of that. Pure.
 */

interface GroupMember {
  readonly id: string;
  /** What it held before. */
  readonly owned: readonly number[];
}

/**
 * @param members  at least one, each id once
 * @returns        member id -> its partitions in order; each partition once, and no member has two more than another
 */
export function shareOut(members: readonly GroupMember[], partitions: number): Map<string, number[]> {
  const ordered = members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const free = new Set(Array.from({ length: partitions }, (_, i) => i));
  const shares = new Map(ordered.map(({ id }): [string, number[]] => [id, []]));
  const least = Math.floor(partitions / ordered.length);
  // So many members have one more: those first that held the most.
  let larger = partitions % ordered.length;
  for (const { id, owned } of ordered.toSorted((a, b) => b.owned.length - a.owned.length)) {
    const most = least + (larger > 0 && owned.length > least ? 1 : 0);
    for (const partition of owned) {
      if (shares.get(id)!.length === most) break;
      if (free.delete(partition)) shares.get(id)!.push(partition);
    }
    if (shares.get(id)!.length > least) larger -= 1;
  }
  for (const partition of free) {
    const smallest = ordered.reduce((a, b) => (shares.get(b.id)!.length < shares.get(a.id)!.length ? b : a));
    shares.get(smallest.id)!.push(partition);
  }
  for (const share of shares.values()) share.sort((a, b) => a - b);
  return shares;
}
