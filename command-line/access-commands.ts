/** The commands over who may ask and change what. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { ROLES } from '../project/access/role.ts';
import type { Add } from './add-command.ts';

const access = () => import('../registry/access/commands.ts');
const logins = () => import('../registry/access/login-commands.ts');
/** Of an option that may be repeated. */
const list = (value: string, before: string[] = []): string[] => [...before, value];

export function accessCommands(add: Add, token: Command): void {
  const name = 'create <name>';
  add(
    name,
    'make a token, and show it this once',
    async (c, of, o) => (await access()).tokenCreate(c, of, o),
    token,
  )
    .addOption(new Option('--role <role>', 'what its owner may do').choices(ROLES).makeOptionMandatory())
    .option('--team <name>', 'whose definitions it may change, with the role apply (repeatable)', list);
  add(
    'list',
    'every token: role, teams, when it was used',
    async (c) => (await access()).tokenList(c),
    token,
  );
  add(
    'revoke <name>',
    'refuse a token from now on',
    async (c, of) => (await access()).tokenRevoke(c, of),
    token,
  );
  add('login', 'log in at the identity provider, for the commands after this one', async (c) =>
    (await logins()).login(c),
  );
  add('logout', 'forget that login, here and there', async (c) => (await logins()).logout(c));
  add('audit', 'who applied, was refused, or used a token; the newest first', async (c, o) =>
    (await access()).audit(c, o),
  )
    .option('--who <name>', 'only what this one did')
    .option('--most <n>', 'how many at most', '50');
}
