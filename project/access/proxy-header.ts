/**
 * Who a proxy says that asks. Anybody can send a header: it is taken from the addresses of `access.proxy.from` alone,
 * and refused from all others, so that a proxy which is not named is noticed.
 */
import { BlockList, isIP } from 'node:net';
import { givenText } from '../../contract/std/given-text.ts';
import type { ProxySettings } from '../settings/access-settings.ts';
import type { Caller, LoginRefused } from './caller.ts';
import { ROLES } from './role.ts';

/** No comma: two headers of one name are joined by it, and the first may be the client's own. */
const USER = /^[^\p{C},]{1,128}$/u;

/** What a request says. */
interface ProxiedRequest {
  /** The address that it comes from, as the socket has it; undefined: of none. */
  readonly peer: string | undefined;
  header(name: string): string | undefined;
}

/** @returns what tells who asks; null where the request has none of the headers */
export function proxyCaller({
  from,
  userHeader,
  roleHeader,
  teamsHeader,
}: ProxySettings): (request: ProxiedRequest) => Caller | LoginRefused | null {
  const trusted = blockListOf(from);
  const names = [userHeader, roleHeader, teamsHeader].filter((name) => name !== null);
  return ({ peer = '', header }) => {
    const sent = names.find((name) => header(name) !== undefined);
    if (sent === undefined) return null;
    const address = peer.replace(/%.*$/, '');
    const family = isIP(address);
    if (family === 0 || !trusted.check(address, family === 4 ? 'ipv4' : 'ipv6'))
      return {
        refused: `the header ${sent} came from ${address || 'no address'}, which is not in access.proxy.from`,
      };
    const user = header(userHeader)?.trim() ?? '';
    if (!USER.test(user))
      return {
        refused: `the header ${userHeader} names nobody, or several: expected one name, got ${givenText(user)}`,
      };
    const teams = teamsHeader === null ? [] : teamsIn(header(teamsHeader) ?? '');
    if (roleHeader === null) return { name: user, role: 'read', teams, via: 'proxy' };
    const given = header(roleHeader)?.trim() ?? '';
    const role = ROLES.find((one) => one === given);
    if (role === undefined)
      return { refused: `the header ${roleHeader}: expected ${ROLES.join(', ')}, got ${givenText(given)}` };
    return { name: user, role, teams, via: 'proxy' };
  };
}

/** Two headers of one name are joined by a comma as well: the proxy has to take away what a client sent. */
function teamsIn(text: string): string[] {
  const all = text.split(',').map((team) => team.trim());
  return [...new Set(all.filter((team) => team !== ''))];
}

function blockListOf(from: readonly string[]): BlockList {
  const all = new BlockList();
  for (const text of from) {
    const [address = '', bits] = text.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) all.addAddress(address, family);
    else all.addSubnet(address, Number(bits), family);
  }
  return all;
}
