// Makes `npx plumb` work from a checkout without a build: npx looks in node_modules/.bin first, and there the
// command becomes a link to the TypeScript entry, which Node runs as it is. An installed package has dist/.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
if (existsSync(join(root, 'plumb.ts'))) {
  if (!existsSync(join(root, 'node_modules', 'uWebSockets.js'))) {
    console.error(
      'npm has left uWebSockets.js out. `npm test`, `npm run demo` and `npm run build` install it first.',
    );
  }
  const bin = join(root, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, 'plumb'), { force: true });
  symlinkSync(join('..', '..', 'plumb.ts'), join(bin, 'plumb'));
  chmodSync(join(root, 'plumb.ts'), 0o755);
}
