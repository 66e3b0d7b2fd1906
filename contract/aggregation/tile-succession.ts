/**
 * Which of two states of one tile (same keys, edge and origin) holds. A tile is always sent whole, so the later one
 * replaces the earlier; nothing is added up.
 */
import type { Tile } from './tile.ts';
import { encodeTile } from './tile-bytes.ts';
import type { TilePlan } from './tile-plan.ts';

/**
 * @returns  take: the sent tile replaces the held one
 *           replay: it is the held one, or the very same
 *           lost: its maker has lost what it knew: it begins later, has seen less, or has seen as much and
 *           says otherwise. It is refused, counted, and the tile of these keys and edge is rebuilt from the archive
 */
export function succession(plan: TilePlan, held: Tile, sent: Tile): 'take' | 'replay' | 'lost' {
  // Where several threads share the work, a smaller offset may come in later: that loses nothing.
  if (sent.since > held.since || sent.seen < held.seen) return 'lost';
  if (sent.seen > held.seen) return 'take';
  return encodeTile(plan, sent).equals(encodeTile(plan, held)) ? 'replay' : 'lost';
}
